"""The container's only way to the model's API: a loopback port whose connections go to the gateway's socket.

The CLI speaks HTTP to an address; the gateway listens on a unix socket and knows the agent by which one it is.
"""

import asyncio
import logging
import socket
from pathlib import Path

from hive_base.clock import Clock
from hive_rpc.acceptor import Acceptor
from hive_rpc.sockets import BACKLOG, address_of, closing

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
CONNECT_ATTEMPTS = 20
CONNECT_DELAY = 0.1
"""A gateway that is being restarted is back within two seconds; the CLI need not notice."""


class Forwarder:
    def __init__(self, socket: Path, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._acceptor: Acceptor | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def listen(self, port: int, address: str = "127.0.0.1") -> int:
        """Listen on a loopback address and return the port; 0 takes a free one. Raises OSError when it is taken."""
        listening = socket.create_server((address, port), backlog=BACKLOG)
        listening.setblocking(False)
        self._acceptor = Acceptor(listening, self._protocol)
        name: tuple[str, int] = listening.getsockname()
        return name[1]

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._acceptor is not None:
            await self._acceptor.close()
        if connections := list(self._connections):
            for connection in connections:
                connection.cancel()
            await asyncio.wait(connections)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=CHUNK), self._accept)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with closing(writer):
            try:
                away_reader, away_writer = await self._gateway()
                async with closing(away_writer), asyncio.TaskGroup() as group:
                    group.create_task(_copy(reader, away_writer))
                    group.create_task(_copy(away_reader, writer))
            except* OSError as errors:
                # Closed towards the CLI, which retries as it would with any API.
                log.debug("A connection to the gateway ended: %s", errors.exceptions[0])

    async def _gateway(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            try:
                with address_of(self._socket) as address:
                    return await asyncio.open_unix_connection(address, limit=CHUNK)
            except OSError:
                if attempt == CONNECT_ATTEMPTS:
                    raise
                await self._clock.sleep(CONNECT_DELAY)
        raise AssertionError("the last attempt returns or raises")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader's end, then end the writer's direction only: an answer may still come the other way."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()
