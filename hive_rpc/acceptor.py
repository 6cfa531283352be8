"""Accepting connections so that each has an owner from the first moment.

asyncio's own server has a gap: a connection that was accepted when the server closes, and whose protocol has not been
made yet, is neither served nor closed (the transport fails on a server that is gone, CPython 3.11 to 3.13).
"""

import asyncio
import logging
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

_AT_ONCE = 64
"""Accepted in one turn of the loop; the rest waits in the backlog for the next."""
_PAUSE_SECONDS = 1.0
"""After the process has run out of descriptors: the kernel would report the same backlog again at once."""


class Acceptor:
    """Gives every connection on a listening socket a protocol, until it is closed."""

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = listening
        self._protocol = protocol
        self._arriving: set[asyncio.Task[None]] = set()
        self._resume: asyncio.TimerHandle | None = None
        self._listen()

    async def close(self) -> None:
        """Accept no more. What had been accepted has its protocol when this returns."""
        self._loop.remove_reader(self._socket)
        if self._resume is not None:
            self._resume.cancel()
        self._socket.close()
        if self._arriving:
            await asyncio.wait(self._arriving)

    def _listen(self) -> None:
        self._resume = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("No connection can be accepted: %s", error)
                self._loop.remove_reader(self._socket)
                self._resume = self._loop.call_later(_PAUSE_SECONDS, self._listen)
                return
            task = self._loop.create_task(self._arrive(connection))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _arrive(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:
            log.debug("A connection was gone before it was served: %s", error)
            connection.close()
