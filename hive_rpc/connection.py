"""One connection as the server sees it: calls come in, are answered in order, and the peer may go at any moment.

What happens when the peer goes:

* A stream, and a call that waits, is cancelled at once.
* Any other call that has begun runs to its end, and so do the calls that had arrived whole: they may be `oneway`, or
  the client may have sent them and left on purpose. Their replies go nowhere.
* Then the handlers are told.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from hive_rpc import codec
from hive_rpc.complaints import Complaints
from hive_rpc.dispatch import Bound, Dispatcher, error_frame
from hive_rpc.errors import HiveError
from hive_rpc.faults import ServiceError
from hive_rpc.interface import Interface
from hive_rpc.link import LINGER_SECONDS, Link
from hive_rpc.sockets import Peer, peer_of
from hive_rpc.types import Model

log = logging.getLogger(__name__)

READ_AHEAD = 64 * 1024
"""Bytes of whole calls that wait for their turn before reading stops."""
LARGE = 64 * 1024
"""Bytes of calls whose reading keeps everybody else waiting for milliseconds."""
_CALL = 512
"""As many bytes a call counts for besides its own, however small it is."""

OpenHandlers = Callable[[Peer], Sequence[Interface]]


class Connection(Link):
    """Serves one peer, in a task of its own that its maker waits for."""

    def __init__(
        self,
        open_handlers: OpenHandlers,
        stall_seconds: float,
        begun: Callable[["Connection"], None],
        turn: asyncio.Lock,
        complaints: Complaints,
    ) -> None:
        """`turn` and `complaints` are the same for all connections of a server."""
        super().__init__()
        self._open_handlers = open_handlers
        self._stall_seconds = stall_seconds
        self._begun = begun
        self._turn = turn
        self._complaints = complaints
        self._waiting: deque[bytes] = deque()
        """Calls that have arrived."""
        self._waiting_size = 0
        self._read = 0
        """Bytes of calls since everybody else was served."""
        self._arrival: asyncio.Future[None] | None = None
        self._gone = asyncio.Event()
        self._interruptible = False
        self._interrupted = False
        self._streaming = False
        self.peer: Peer
        self.task: asyncio.Task[None]

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = peer_of(transport.get_extra_info("socket"))
        self.task = self._loop.create_task(self._serve())
        self._begun(self)

    def data_received(self, data: bytes) -> None:
        frames = self.frames.feed(data)
        self._waiting.extend(frames)
        self._waiting_size += sum(map(len, frames)) + len(frames)
        if self._waiting_size > READ_AHEAD:
            if self._streaming:
                # Not to read would be not to notice that it goes, and the stream might never end.
                self.drop("it sends calls behind a stream")
            self.hold_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._end()
        # Our side stays open: a peer that only stopped sending can still read the replies to what it sent.
        return True

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._end()

    # Called by the server

    def finish(self) -> None:
        """End soon: no further call begins, a stream or a call that waits is cancelled."""
        self._waiting.clear()
        self._end()

    def drop(self, reason: str) -> None:
        """End at once: what is unsent is not sent, and no further call begins."""
        self._complaints.tell(f"Dropping the connection of pid {self.peer.pid}, uid {self.peer.uid}: {reason}")
        self._waiting.clear()
        self.transport.abort()

    # The life of a connection

    async def _serve(self) -> None:
        dispatcher = Dispatcher([])
        try:
            dispatcher = Dispatcher(self._open_handlers(self.peer))
            while (frame := await self._next_call()) is not None:
                self._read += len(frame) + _CALL
                if self._read > LARGE:
                    self._read = 0
                    await self._wait_for_turn()
                await self._answer(dispatcher, codec.decode_call(frame))
            if self.frames.overflow:
                await self._refuse_too_large()
        except HiveError as refusal:
            # There are no handlers for this peer.
            if await self._next_call() is not None:
                self.write(error_frame(refusal))
        except codec.ProtocolError as error:
            self._complaints.tell(f"Closing the connection of pid {self.peer.pid}, uid {self.peer.uid}: {error}")
        finally:
            try:
                await self.close()
            finally:
                await dispatcher.closed()

    async def _next_call(self) -> bytes | None:
        while not self._waiting:
            if self._gone.is_set() or self.frames.overflow:
                return None
            self.go_on_reading()
            self._arrival = self._loop.create_future()
            await self._arrival
        frame = self._waiting.popleft()
        self._waiting_size -= len(frame) + 1
        return frame

    async def _wait_for_turn(self) -> None:
        """Between two large calls to one server, or many small ones, everybody else is served, however many connections
        they come on."""
        async with self._turn:
            await asyncio.sleep(0)

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _end(self) -> None:
        if not self._gone.is_set():
            self._gone.set()
            self._wake()
            if self._interruptible:
                self._interrupted = True
                self.task.cancel()

    # Answering

    async def _answer(self, dispatcher: Dispatcher, call: codec.Call) -> None:
        try:
            bound = dispatcher.bind(call)
            if bound.method.streaming or bound.method.waits:
                reply = await self._run_while_there(bound)
            else:
                reply = codec.encode_reply(await bound.function(bound.request))
        except (HiveError, ServiceError) as error:
            reply = error_frame(error)
        except Exception:
            log.exception("%s failed", call.method)
            reply = error_frame(HiveError())
        except asyncio.CancelledError:
            if self.task.cancelling():
                raise
            log.exception("%s awaited something that was cancelled", call.method)
            reply = error_frame(HiveError())
        if not call.oneway:
            self.write(reply)
            if self.must_wait:
                await self._drain()

    async def _run_while_there(self, bound: Bound) -> bytes:
        """Run a stream, or a call that waits, until it ends or the peer goes; then there is nothing to reply."""
        self.go_on_reading()
        self._interruptible = True
        try:
            if self._gone.is_set():
                return b""
            if bound.method.streaming:
                return await self._stream(bound.function(bound.request))
            return codec.encode_reply(await bound.function(bound.request))
        except asyncio.CancelledError:
            if not self._interrupted or self.task.cancelling() > 1:
                raise
            return b""
        finally:
            self._interruptible = False
            if self._interrupted:
                self._interrupted = False
                self.task.uncancel()

    async def _stream(self, items: AsyncIterator[Model]) -> bytes:
        self._streaming = True
        try:
            async for item in items:
                if self._gone.is_set():
                    break
                self.write(codec.encode_reply(item, continues=True))
                if self.must_wait:
                    await self._drain()
            return codec.END_OF_STREAM
        finally:
            self._streaming = False
            if hasattr(items, "aclose"):
                await items.aclose()

    # Peers that are too slow, or say too much

    async def _drain(self) -> None:
        try:
            await self.drain(self._stall_seconds)
        except TimeoutError:
            self.drop("it does not read")

    async def _refuse_too_large(self) -> None:
        """Say so, and take the rest without keeping it: a peer that still writes would not come to read the reply."""
        self.write(error_frame(codec.too_large("The call")))
        self.go_on_reading()
        if not self.transport.is_closing():
            self.transport.write_eof()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            self.drop("it does not stop sending")
