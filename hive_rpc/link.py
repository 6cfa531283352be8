"""What both ends of a connection share: framing, and writing and reading that wait for a slow peer."""

import asyncio
import contextlib
from typing import cast

from hive_rpc.codec import FrameBuffer

LINGER_SECONDS = 5.0
"""How long a peer may take to read what is left when we close."""


class Link(asyncio.Protocol):
    """An asyncio protocol rather than a StreamReader and StreamWriter: half the work for each small frame."""

    def __init__(self) -> None:
        self.frames = FrameBuffer()
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self.reading = True
        self.transport: asyncio.Transport
        self._writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def hold_reading(self) -> None:
        """Read nothing until `go_on_reading`; meanwhile it is not noticed that the peer goes."""
        if self.reading and not self.transport.is_closing():
            self.reading = False
            self.transport.pause_reading()

    def go_on_reading(self) -> None:
        if not self.reading and not self.transport.is_closing():
            self.reading = True
            self.transport.resume_reading()

    def write(self, frame: bytes) -> None:
        """Send, or keep it to be sent; to a peer that has gone, nothing is written. Then `drain`."""
        if not self.transport.is_closing():
            self.transport.write(frame)

    @property
    def must_wait(self) -> bool:
        return self._writable is not None

    async def drain(self, seconds: float | None = None) -> None:
        """Return when the peer has read most of what was written, or has gone; raise TimeoutError when it does not."""
        if self._writable is not None:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._writable)

    def forsake(self) -> None:
        """Close from where nothing can be awaited, a finalizer for one."""
        if not self._loop.is_closed():
            self.transport.abort()

    async def close(self) -> None:
        """Let the peer read what is left, for a moment, and close."""
        self.transport.close()
        with contextlib.suppress(TimeoutError):
            try:
                async with asyncio.timeout(LINGER_SECONDS):
                    await asyncio.shield(self.lost)
            finally:
                self.transport.abort()
        await asyncio.shield(self.lost)
