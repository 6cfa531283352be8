"""Which sockets there are: one of each kind for every agent, in the directory that core made for it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hive_base.clock import Clock
from hive_gateway.waiting import either
from hive_rpc import sockets
from hive_rpc.errors import HiveError

MODE = 0o666
"""Who may open it is decided by the directory, which only its agent's container sees."""
LOOK_AGAIN_SECONDS = 5.0
"""How often a socket is looked for that should be there: its directory may be made late, or made anew."""

log = logging.getLogger(__name__)


class AgentSocket:
    """One agent's socket of one kind, from its making to `close`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when the directory is not there (yet), ConflictError when something else is at the path."""
        self.path = path
        self._listening = sockets.listen(path, mode=MODE, uid=-1, gid=-1)

    async def start(self) -> None:
        """Accept connections."""
        raise NotImplementedError

    def is_in_place(self) -> bool:
        """Whether the path still leads to this socket: a directory that was removed took its file along."""
        try:
            return self.path.lstat().st_ino == self._listening.inode
        except OSError:
            return False

    async def close(self, drain_seconds: float) -> None:
        """Accept nothing more, let what is under way end within the time, then cut it off."""
        self._listening.socket.close()
        self._listening.remove()


class Listeners:
    """All the sockets of one kind. `want` says which there should be, `run` makes it so."""

    def __init__(self, make: Callable[[str, Path], AgentSocket], clock: Clock) -> None:
        """`make` is given an agent and its directory; it raises OSError or HiveError when there can be none yet."""
        self._make = make
        self._clock = clock
        self._wanted: Mapping[str, Path] = {}
        self._open: dict[str, AgentSocket] = {}
        self._troubles: dict[str, str] = {}
        self._changed = asyncio.Event()

    def want(self, directories: Mapping[str, Path]) -> None:
        """The agents that there are, each with its directory."""
        self._wanted = dict(directories)
        self._changed.set()

    async def run(self) -> None:
        """Open, reopen and remove sockets for as long as it is let run; what is open stays open after it."""
        while True:
            self._changed.clear()
            await self._reconcile()
            await either(self._changed.wait(), self._clock.sleep(LOOK_AGAIN_SECONDS))

    async def close(self, drain_seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            for listener in self._open.values():
                group.create_task(listener.close(drain_seconds))
        self._open.clear()

    async def _reconcile(self) -> None:
        for agent, listener in list(self._open.items()):
            directory = self._wanted.get(agent)
            if directory != listener.path.parent or not listener.is_in_place():
                del self._open[agent]
                await listener.close(drain_seconds=0)
                log.info("%s: socket removed", agent)
        self._troubles = {agent: trouble for agent, trouble in self._troubles.items() if agent in self._wanted}
        for agent, directory in self._wanted.items():
            if agent not in self._open:
                await self._listen(agent, directory)

    async def _listen(self, agent: str, directory: Path) -> None:
        try:
            listener = self._make(agent, directory)
        except (OSError, HiveError) as error:
            trouble = error.sentence() if isinstance(error, HiveError) else str(error)
            if self._troubles.get(agent) != trouble:
                log.warning("%s: no socket yet: %s", agent, trouble)
                self._troubles[agent] = trouble
            return
        self._open[agent] = listener
        await listener.start()
        self._troubles.pop(agent, None)
        log.info("%s: listening on %s", agent, listener.path)
