"""Containers that are NixOS systems: made by `nixos-container`, started by NixOS's own `container@.service`.

Both are nixpkgs': pkgs/by-name/ni/nixos-container and nixos/modules/virtualisation/nixos-containers.nix. What a conf
says, the unit reads as its environment.
"""

import asyncio
import re
import shutil
from pathlib import Path

from hive_base.paths import SECRETS, RunPaths, StatePaths
from hive_base.process import SAFE_PATH
from hive_core.containers import secrets
from hive_core.containers.binds import agent_binds
from hive_core.containers.confs import Confs
from hive_core.containers.models import ContainerSpec, unit_of
from hive_core.containers.names import PREFIX as MACHINE_PREFIX
from hive_core.containers.tools import Tools
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import ConflictError, InvalidError

AGENT_UNIT = "hive-agent.service"
PROFILES = Path("/nix/var/nix/profiles/per-container")
_STORE_PATH = re.compile(r"/nix/store/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}")
"""Nix's own rule (libstore's `checkName` and base 32)."""
_FLAGS = (
    "--no-new-privileges=yes",
    "--console=read-only",
    # The unit would link the container's journal into the machine's own, where it is read as the machine's are.
    "--link-journal=no",
    "--resolv-conf=off",
    # What starts the unit makes directories in the root, touches files and changes modes there, as root of the machine
    # and by path: a container that could leave a symlink in it would have that done anywhere.
    "--volatile=overlay",
    # The unit binds these to be written, and id-mapped: root in the container could leave a set-uid file that is root's
    # on the machine, change what it boots and which systems are kept. A tmpfs comes on top of a bind of its path.
    "--tmpfs=/nix/var/nix/profiles",
    "--tmpfs=/nix/var/nix/gcroots",
)
_NO_NIX = "--tmpfs=/nix/var/nix/daemon-socket"
"""The daemon builds with a network, and fetches."""
_DISK_SECONDS = 120.0
_SWITCH_SECONDS = 300.0
_RESTART_SECONDS = 90.0
"""The harness may take 40 to stop."""
_GENERATIONS = 2
"""Systems that are kept from Nix's collector: the one that it boots, and the one before, to go back to."""


class NixosDriver:
    """What a machine boots is `SYSTEM_PATH` of its conf. Its profile is the same, for the sake of Nix's collector."""

    def __init__(
        self,
        run: RunPaths,
        state: StatePaths,
        systemd: Systemd,
        tools: Tools,
        *,
        machines: Path = Path("/var/lib/nixos-containers"),
        confs: Path = Path("/etc/nixos-containers"),
        profiles: Path = PROFILES,
        secrets: Path = SECRETS,
    ) -> None:
        self._secrets = secrets
        self._run = run
        self._state = state
        self._systemd = systemd
        self._tools = tools
        self._machines = machines
        self._confs = Confs(confs)
        self._profiles = profiles

    async def check(self) -> None:
        for program in ("nixos-container", "nix-env"):
            if await asyncio.to_thread(shutil.which, program, path=SAFE_PATH) is None:
                raise ConflictError(
                    f"Containers are to be NixOS systems, and this machine has no {program}.",
                    hint='Set boot.enableContainers = true on NixOS; elsewhere, containers = "stateless" in core.toml.',
                )
        await self._check_unit()

    async def fill(self, spec: ContainerSpec) -> None:
        """Of the root there is nothing to fill: NixOS makes it at each boot, in memory (`--volatile`)."""
        await self.check()
        await secrets.check(spec.secrets, self._secrets)
        system = _system(spec)
        conf = self._conf(spec, system)
        is_made = await asyncio.to_thread(self._profile(spec.machine).exists)
        if is_made and await self._confs.read(spec.machine):
            await self._set_profile(spec.machine, system)
        else:
            # What an attempt that was cut off has left would be in the way, or be missing.
            await self.remove(spec.machine)
            await self._on_disk("nixos-container", "create", spec.machine, "--system-path", system)
        await self._confs.write(spec.machine, conf)

    async def reload(self, spec: ContainerSpec) -> bool:
        system = _system(spec)
        new, old = self._conf(spec, system), await self._confs.read(spec.machine)
        if {**new, "SYSTEM_PATH": ""} != {**old, "SYSTEM_PATH": ""}:
            return False
        if new != old:
            await self._set_profile(spec.machine, system)
            await self._confs.write(spec.machine, new)
            # Not the unit's own reload, which enters without the user namespace (NixOS/nixpkgs#57083).
            switch: list[str | Path] = [system / "bin" / "switch-to-configuration", "test"]
            await self._tools.inside(spec.machine, switch, time_limit=_SWITCH_SECONDS)
        # Drained, it waits for its end.
        await self._tools.restart(spec.machine, AGENT_UNIT, time_limit=_RESTART_SECONDS)
        return True

    async def remove(self, machine: str) -> None:
        if await asyncio.to_thread(self._exists, machine):
            # Without a conf it would believe that there is no such container, and leave the rest.
            await self._confs.touch(machine)
            await self._on_disk("nixos-container", "destroy", machine)

    def _exists(self, machine: str) -> bool:
        return any(directory.exists() for directory in (self._machines / machine, self._profiles / machine)) or (
            self._confs.path(machine).exists()
        )

    async def _set_profile(self, machine: str, system: Path) -> None:
        profile = self._profile(machine)
        await self._on_disk("nix-env", "--profile", profile, "--set", system)
        await self._on_disk("nix-env", "--profile", profile, "--delete-generations", f"+{_GENERATIONS}")

    async def _on_disk(self, *arguments: str | Path) -> None:
        await self._tools.on_disk(arguments, time_limit=_DISK_SECONDS)

    def _profile(self, machine: str) -> Path:
        return self._profiles / machine / "system"

    def _conf(self, spec: ContainerSpec, system: Path) -> dict[str, str]:
        binds = (*agent_binds(spec.agent, self._run, self._state), *spec.binds)
        flags = [*_FLAGS, *([] if spec.nix else [_NO_NIX]), f"--hostname={spec.agent}"]
        flags += secrets.flags(spec.secrets, self._secrets)
        return {
            # No addresses: with one, the unit adds an interface to the loopback.
            "PRIVATE_NETWORK": "1",
            # Not a flag: only so the unit binds the store as the container's root sees it.
            "PRIVATE_USERS": "pick",
            "SYSTEM_PATH": str(system),
            "EXTRA_NSPAWN_FLAGS": " ".join([*flags, *(bind.flag() for bind in binds)]),
        }

    async def _check_unit(self) -> None:
        """NixOS before 25.05 takes no notice of PRIVATE_USERS: what starts the containers has to have the word."""
        commands = (await self._systemd.properties(unit_of(f"{MACHINE_PREFIX}check"))).get("ExecStart") or []
        for command in commands:
            try:
                text = await asyncio.to_thread(Path(command[0]).read_bytes)
            except OSError:
                continue
            if text.startswith(b"#!") and b"PRIVATE_USERS" in text:
                return
        raise ConflictError(
            "This machine's container@.service does not know PRIVATE_USERS: a container's root would be the machine's.",
            hint="NixOS 25.05 or later is needed, with boot.enableContainers = true.",
        )


def _system(spec: ContainerSpec) -> Path:
    if spec.system is None:
        raise ConflictError(f"{spec.agent} has no system yet that its container could boot: none was built.")
    if not _STORE_PATH.fullmatch(str(spec.system)):
        raise InvalidError(f"{spec.system} is not a path in the Nix store.")
    return spec.system
