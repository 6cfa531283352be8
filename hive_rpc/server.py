"""The server: listens on unix sockets and gives every connection handlers of its own."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from hive_rpc import sockets
from hive_rpc.acceptor import Acceptor
from hive_rpc.complaints import Complaints
from hive_rpc.connection import Connection
from hive_rpc.interface import Interface
from hive_rpc.sockets import Peer

__all__ = ["Peer", "Server"]

log = logging.getLogger(__name__)

STALL_SECONDS = 30.0
"""A peer that reads nothing for so long while a reply waits for it is dropped."""
MAX_CONNECTIONS = 256
"""Of one server, if it does not say otherwise. Whoever may open its socket can use up so many of this process's
descriptors, and no more."""
CLOSE_SECONDS = 5.0
"""How long calls that have begun may take to end when the server closes."""


class Server:
    """Serves Varlink on unix sockets.

    `handlers` is called once for each connection, with the process at its other end, and returns the objects that
    implement the interfaces there. A handler may have `async def closed(self) -> None`, called when the connection
    has ended and no call of it runs any more.

    One connection's calls are answered in order, one at a time; connections are independent of each other.
    """

    def __init__(
        self,
        handlers: Callable[[Peer], Sequence[Interface]],
        *,
        stall_seconds: float = STALL_SECONDS,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._handlers = handlers
        self._stall_seconds = stall_seconds
        self._max_connections = max_connections
        self._turn = asyncio.Lock()
        self._complaints = Complaints()
        self._listening: list[tuple[Acceptor, sockets.Listening]] = []
        self._connections: dict[asyncio.Task[None], Connection] = {}

    async def listen(self, path: Path, mode: int = 0o600, uid: int = -1, gid: int = -1) -> None:
        """Serve on a socket at `path` too, with these rights from its first moment; -1 keeps the process's own ids.

        Raises ConflictError when another server lives there, OSError when the path cannot be had.
        """
        listening = sockets.listen(path, mode=mode, uid=uid, gid=gid)
        self._listening.append((Acceptor(listening.socket, self._connection), listening))

    async def close(self) -> None:
        """Stop accepting, cancel streams and waiting calls, give the other calls a moment to end, close everything."""
        while self._listening:
            acceptor, listening = self._listening.pop()
            listening.remove()
            await acceptor.close()
        for connection in self._connections.values():
            connection.finish()
        if tasks := list(self._connections):
            _, late = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _connection(self) -> Connection:
        return Connection(self._handlers, self._stall_seconds, self._begun, self._turn, self._complaints)

    def _begun(self, connection: Connection) -> None:
        self._connections[connection.task] = connection
        connection.task.add_done_callback(self._ended)
        if len(self._connections) > self._max_connections:
            connection.drop(f"there are {self._max_connections} already")

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A connection ended badly", exc_info=error)
