"""The agents' sockets: one for each, in the directory that core made for it and that its container sees."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hive_base.clock import Clock
from hive_gateway.desk import Desk
from hive_gateway.door import Door
from hive_gateway.waiting import either
from hive_rpc import sockets
from hive_rpc.errors import HiveError

SOCKET_NAME = "gateway.sock"
MODE = 0o666
"""Who may open it is decided by the directory, which only its agent's container sees."""
LOOK_AGAIN_SECONDS = 5.0
"""How often a socket is looked for that should be there: its directory may be made late, or made anew."""

_AT_ONCE = 0.001

log = logging.getLogger(__name__)


def _is_the_gateway_s_business(record: logging.LogRecord) -> bool:
    """False for what aiohttp logs, with a traceback, about a request that it cannot read: agents could fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_http_log = logging.getLogger(f"{__name__}.http")
_http_log.addFilter(_is_the_gateway_s_business)


class Listener:
    """One agent's socket, open until `close`."""

    def __init__(self, desk: Desk, clock: Clock, *, agent: str, directory: Path, connections: int) -> None:
        self.path = directory / SOCKET_NAME
        self._connections = connections
        self._server = web.Server(
            Door(agent, desk, clock).handle,
            # Without it a client that has gone away is noticed only when something is written to it.
            handler_cancellation=True,
            # What an agent compresses is unpacked by nobody here.
            auto_decompress=False,
            access_log=None,
            logger=_http_log,
        )
        # Raises OSError when the directory is not there (yet), ConflictError when something else is at the path.
        self._listening = sockets.listen(self.path, mode=MODE, uid=-1, gid=-1)
        self._acceptor: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._acceptor = await loop.create_unix_server(self._protocol, sock=self._listening.socket)

    def is_in_place(self) -> bool:
        """Whether the path still leads to this socket: a directory that was removed took its file along."""
        try:
            return self.path.lstat().st_ino == self._listening.inode
        except OSError:
            return False

    async def close(self, drain_seconds: float) -> None:
        """Accept nothing more, let the answers that are being given end within the time, then cut them off."""
        if self._acceptor is not None:
            self._acceptor.close()
        self._listening.socket.close()
        self._listening.remove()
        self._server.pre_shutdown()
        # aiohttp waits this long for the answers, then as long again before it cancels them; and 0 means for ever.
        await self._server.shutdown(max(drain_seconds, _AT_ONCE) / 2)

    def _protocol(self) -> asyncio.BaseProtocol:
        return self._server() if len(self._server.connections) < self._connections else _Refusal()


class _Refusal(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.abort()


class Listeners:
    """All the sockets. `want` says which there should be, `run` makes it so."""

    def __init__(self, desk: Desk, clock: Clock, *, connections: int) -> None:
        self._desk = desk
        self._clock = clock
        self._connections = connections
        self._wanted: Mapping[str, Path] = {}
        self._open: dict[str, Listener] = {}
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
            listener = Listener(
                self._desk, self._clock, agent=agent, directory=directory, connections=self._connections
            )
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
