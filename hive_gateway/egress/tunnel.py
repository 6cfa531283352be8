"""Bytes both ways between two connections, counted, with no more than a buffer's worth on the way."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hive_gateway.silence import Silence

CHUNK = 64 * 1024

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class OverLimitError(Exception):
    """The agent has moved as many bytes as it may today."""


class SilentError(Exception):
    """Nothing has moved for too long."""


@dataclass
class Counts:
    sent: int = 0
    received: int = 0


async def relay(
    client: Stream, server: Stream, counts: Counts, *, moved: Callable[[int], None], silence_seconds: float
) -> None:
    """Copy until both directions have ended. `moved` is told of each piece and may raise OverLimitError.

    The end of one direction is passed on and the other goes on: a client may be done asking and still listen.
    """
    try:
        async with Silence(silence_seconds) as silence, asyncio.TaskGroup() as group:

            def note_sent(size: int) -> None:
                counts.sent += size
                moved(size)
                silence.heard()

            def note_received(size: int) -> None:
                counts.received += size
                moved(size)
                silence.heard()

            group.create_task(_copy(client[0], server[1], note_sent))
            group.create_task(_copy(server[0], client[1], note_received))
    except TimeoutError:
        raise SilentError from None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[int], None]) -> None:
    while data := await reader.read(CHUNK):
        note(len(data))
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()
