"""An agent's directories on the host, each with the owner that its use needs.

What is bound into a container is written by its root and its model, so nothing below it is opened, moved or deleted
by following a path in it. What lies above belongs to root alone.
"""

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from hive_base.paths import ContainerPaths, RunPaths, StatePaths
from hive_base.users import GATEWAY, MODEL
from hive_core.containers.binds import Bind
from hive_core.containers.trees import remove_trees
from hive_core.disks import Disks
from hive_rpc.errors import ConflictError, StorageError

_ROOT = 0
SHARED_MIB = 10240
"""Of the shared directory, which all agents fill together."""
PROPOSED_MIB = 2048
"""Of the configurations that managers edit; of one repository a sixtieth of that is read (`configs.inside.packing`)."""


class Directories:
    """Makes and deletes them. `run` is new after each boot of the machine, `state` is kept."""

    def __init__(self, run: RunPaths, state: StatePaths, disks: Disks, *, shared_mib: int = SHARED_MIB) -> None:
        self._run = run
        self._state = state
        self._disks = disks
        self._shared_mib = shared_mib

    async def check(self) -> None:
        """Refuse a state directory that others may enter.

        With id-mapped users a container's root can leave a setuid file in it that is root's on the host; that nobody
        else can get at it is what keeps it harmless. Raises ConflictError.
        """
        root = self._state.root
        try:
            found = await asyncio.to_thread(root.stat)
        except OSError as error:
            hint = f"Make it: mkdir -m 0700 {root}"
            raise ConflictError(f"{root} cannot be looked at: {error.strerror}.", hint=hint) from error
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid != _ROOT or mode & 0o077:
            raise ConflictError(
                f"{root} belongs to uid {found.st_uid} and has mode {mode:04o}; it must be root's alone.",
                hint=f"chown root: {root} && chmod 0700 {root}",
            )

    async def share(self) -> None:
        """The file systems that agents fill together; no container runs that has not got them. Raises StorageError."""
        await self._disks.attach(self._state.shared, self._state.shared_image, self._shared_mib)
        await self._disks.attach(self._state.proposed, self._state.proposed_image, PROPOSED_MIB)

    async def make(self, agent: str, disk_mib: int | None) -> bool:
        """Make what is missing, and give all of it its owner and mode; True if there was no state of this agent.

        Its file system has at least `disk_mib`; None leaves it as it is, because the container runs. When that fails,
        nothing that is new is left. Raises StorageError.
        """
        is_new = not await asyncio.to_thread(self._state.agent(agent).exists)
        try:
            if disk_mib is not None:
                await self._disks.attach(self._state.agent(agent), self._state.image(agent), disk_mib)
            await asyncio.to_thread(self._make, agent)
        except (OSError, StorageError) as error:
            if is_new:
                await self.purge(agent)
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"The directories of {agent} cannot be made: {error}.") from error
        return is_new

    def manager_binds(self, agent: str) -> Sequence[Bind]:
        """The configurations, for a manager to edit and to compare with."""
        inside = ContainerPaths(agent)
        return (
            Bind(self._state.proposed, inside.proposed),
            Bind(self._state.applied, inside.applied, read_only=True),
        )

    async def put_away(self, agent: str) -> None:
        """Delete the directories of its sockets, and unmount its state; no error when there are none."""
        await remove_trees(self._run.agents / agent)
        await self._disks.detach(self._state.agent(agent))

    async def purge(self, agent: str) -> None:
        """Delete its state and its corner of the shared directory; no error when there is none."""
        await self._disks.remove(self._state.agent(agent), self._state.image(agent))
        await remove_trees(self._state.shared_corner(agent))

    def _make(self, agent: str) -> None:
        run, state = self._run, self._state
        for path, mode, owner in (
            # The gateway passes through these to its own directory, and may not look around.
            (run.agents, 0o711, _ROOT),
            (run.agents / agent, 0o711, _ROOT),
            (run.core_directory(agent), 0o700, _ROOT),
            (run.gateway_directory(agent), 0o700, GATEWAY.uid),
            (state.root / "agents", 0o700, _ROOT),
            (state.agent(agent), 0o700, _ROOT),
            (state.state(agent), 0o700, MODEL.uid),
            (state.harness(agent), 0o700, _ROOT),
            (state.claude(agent), 0o700, MODEL.uid),
            (state.shared, 0o755, _ROOT),
            (state.proposed, 0o700, MODEL.uid),
            (state.applied, 0o755, _ROOT),
            (state.shared_corner(agent), 0o755, MODEL.uid),
        ):
            _directory(path, mode=mode, owner=owner)


def _directory(path: Path, *, mode: int, owner: int) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, owner, owner)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
