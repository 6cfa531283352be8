"""The stateless root: the skeleton, the machine's own `/usr`, and the harness's unit."""

import asyncio
from importlib import resources
from pathlib import Path

from hive_base.paths import ContainerPaths, RunPaths, StatePaths
from hive_base.skeleton import Account, File, Skeleton
from hive_base.users import MODEL
from hive_core.containers.binds import agent_binds
from hive_core.containers.models import ContainerSpec
from hive_core.containers.trees import empty_tree, remove_trees
from hive_rpc.errors import StorageError

AGENT_UNIT = "hive-agent.service"
_ISOLATION = ("--private-users=pick", "--private-network", "--no-new-privileges=yes")
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
_KEPT_MODE = 0o700
"""Of the directory of all roots: with id-mapped users a file that a container's root makes is root's on the disk too,
with the setuid bit if it likes."""


class StatelessDriver:
    """Fills `machines`/<machine> and writes `confs`/<machine>.conf."""

    def __init__(
        self,
        run: RunPaths,
        state: StatePaths,
        *,
        machines: Path = Path("/var/lib/nixos-containers"),
        confs: Path = Path("/etc/nixos-containers"),
    ) -> None:
        self._run = run
        self._state = state
        self._machines = machines
        self._confs = confs

    async def fill(self, spec: ContainerSpec) -> None:
        """A root of the last run is thrown away, except for its machine id."""
        root = self._machines / spec.machine
        try:
            await asyncio.to_thread(self._make_places)
            if await asyncio.to_thread(root.exists):
                # The skeleton takes the machine id over.
                await empty_tree(root, keep=root / "etc" / "machine-id")
            await asyncio.to_thread(self._fill, spec, root)
        except OSError as error:
            raise StorageError(f"The root of {spec.machine} cannot be made: {error}.") from error

    async def reload(self, spec: ContainerSpec) -> bool:
        """A root is made at a boot, and mounts are."""
        return False

    async def remove(self, machine: str) -> None:
        await asyncio.to_thread(self._conf(machine).unlink, missing_ok=True)
        await remove_trees(self._machines / machine)

    def _make_places(self) -> None:
        self._machines.mkdir(mode=_KEPT_MODE, parents=True, exist_ok=True)
        self._machines.chmod(_KEPT_MODE)
        self._confs.mkdir(mode=0o755, parents=True, exist_ok=True)

    def _fill(self, spec: ContainerSpec, root: Path) -> None:
        binds = agent_binds(spec.agent, self._run, self._state)
        skeleton(spec.agent).build(root)
        flags = [*_ISOLATION, f"--hostname={spec.agent}", *(bind.flag() for bind in (*binds, *spec.binds))]
        conf = self._conf(spec.machine)
        new = conf.with_suffix(".new")
        new.write_text(f'EXTRA_NSPAWN_FLAGS="{" ".join(flags)}"\n')
        new.replace(conf)

    def _conf(self, machine: str) -> Path:
        return self._confs / f"{machine}.conf"


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
