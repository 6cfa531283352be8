"""The stateless root: the skeleton, the machine's own `/usr`, and the harness's unit."""

import asyncio
from importlib import resources
from pathlib import Path

from hive_base.paths import SECRETS, ContainerPaths, RunPaths, StatePaths
from hive_base.skeleton import Account, File, Skeleton
from hive_base.users import MODEL
from hive_core.containers import secrets
from hive_core.containers.binds import Bind, agent_binds
from hive_core.containers.confs import Confs
from hive_core.containers.models import ContainerSpec
from hive_core.containers.trees import empty_tree
from hive_rpc.errors import ConflictError, StorageError

AGENT_UNIT = "hive-agent.service"
_SYSTEM = (Path("/etc/ssl"), Path("/etc/alternatives"))
"""Besides `/usr`, which the unit binds: the certificates that programs expect, and the links that Debian's `/usr/bin`
leads through."""
_ISOLATION = ("--private-users=pick", "--private-network", "--no-new-privileges=yes")
_INIT = Path("/usr/lib/systemd/systemd")
_JOURNAL = """\
[Journal]
# Nothing that a container writes is opened as a journal on the host: what it logs goes to the console, which is the
# log of the container's unit there.
Storage=volatile
RuntimeMaxUse=16M
ForwardToConsole=yes
MaxLevelConsole=notice
Audit=no
"""
_MOUNTS = """\
[Unit]
# Everything is mounted from outside and locked: a shutdown that tries to unmount it fails line by line.
DefaultDependencies=no
"""
_GIT = """\
[user]
\tname = {agent}
\temail = {agent}@hive
[init]
\tdefaultBranch = main
[safe]
# A manager's /applied belongs to the hive, and nobody else's repositories get in here.
\tdirectory = *
"""
_QUIET = "[Service]\nLogLevelMax=crit\n"


class StatelessDriver:
    """Fills the container's root, which is on the agent's own file system, and writes `confs`/<machine>.conf."""

    def __init__(
        self,
        run: RunPaths,
        state: StatePaths,
        *,
        confs: Path = Path("/etc/nixos-containers"),
        secrets: Path = SECRETS,
    ) -> None:
        self._secrets = secrets
        self._run = run
        self._state = state
        self._confs = Confs(confs)

    async def check(self) -> None:
        if not await asyncio.to_thread(_INIT.exists):
            raise ConflictError(
                f"Containers are to have the machine's own /usr, and it has no {_INIT}.",
                hint='On NixOS, containers = "nixos" belongs into core.toml.',
            )

    async def fill(self, spec: ContainerSpec) -> None:
        """A root of the last run is thrown away, except for its machine id."""
        await self.check()
        await secrets.check(spec.secrets, self._secrets)
        root = self._state.container_root(spec.agent)
        try:
            if await asyncio.to_thread(root.exists):
                # The skeleton takes the machine id over.
                await empty_tree(root, keep=root / "etc" / "machine-id")
            await asyncio.to_thread(skeleton(spec.agent).build, root)
        except OSError as error:
            raise StorageError(f"The root of {spec.machine} cannot be made: {error}.") from error
        system = [Bind(path, path, read_only=True, idmap=False) for path in _SYSTEM if path.is_dir()]
        binds = (*system, *agent_binds(spec.agent, self._run, self._state), *spec.binds)
        flags = [*_ISOLATION, f"--hostname={spec.agent}", *(bind.flag() for bind in binds)]
        flags += secrets.flags(spec.secrets, self._secrets)
        await self._confs.write(spec.machine, {"ROOT": str(root), "EXTRA_NSPAWN_FLAGS": " ".join(flags)})

    async def reload(self, spec: ContainerSpec) -> bool:
        """A root is made at a boot, and mounts are."""
        return False

    async def remove(self, machine: str) -> None:
        await self._confs.remove(machine)


def skeleton(agent: str) -> Skeleton:
    """The root of an agent's container."""
    units = resources.files("hive_core.containers").joinpath("units")
    return Skeleton(
        hostname=agent,
        accounts=[Account(MODEL, home=str(ContainerPaths(agent).state), shell="/bin/bash")],  # noqa: S604 - a path
        units={
            AGENT_UNIT: units.joinpath(AGENT_UNIT).read_text(),
            "mount.d/hive.conf": _MOUNTS,
            f"{AGENT_UNIT}.d/agent.conf": f"[Service]\nEnvironment=HIVE_AGENT={agent}\n",
            # Debian's snippets name users of packages that are installed on the host and have no part in here.
            "systemd-tmpfiles-setup.service.d/quiet.conf": _QUIET,
            "systemd-tmpfiles-setup-dev.service.d/quiet.conf": _QUIET,
        },
        wants=[AGENT_UNIT],
        # The journal is volatile: there is none on the disk that it could go on in.
        masks=["systemd-journal-flush.service"],
        files={
            "etc/systemd/journald.conf.d/hive.conf": File(_JOURNAL),
            "etc/gitconfig": File(_GIT.format(agent=agent)),
        },
    )
