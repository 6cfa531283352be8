"""One connection as the server sees it: calls come in, are answered in order, and the peer may go at any moment.

What happens when the peer goes:

* A stream, and a call that waits, is cancelled at once.
* Any other call that has begun runs to its end, and so do the calls that had arrived whole: they may be `oneway`, or
  the client may have sent them and left on purpose. Their replies go nowhere.
* Then each handler's `closed` is called.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from pydantic import ValidationError

from hive_rpc import codec, faults
from hive_rpc.errors import HiveError
from hive_rpc.faults import ServiceError
from hive_rpc.interface import Interface, Method, methods
from hive_rpc.introspect import Service
from hive_rpc.link import LINGER_SECONDS, Link
from hive_rpc.sockets import Peer, peer_of
from hive_rpc.types import Model

log = logging.getLogger(__name__)

READ_AHEAD = 64 * 1024
"""Bytes of whole calls that wait for their turn before reading stops."""

Handlers = Callable[[Peer], Sequence[Interface]]


class Connection(Link):
    """Serves one peer; `serve` is its whole life."""

    def __init__(self, handlers: Handlers, stall_seconds: float, made: Callable[["Connection"], None]) -> None:
        super().__init__()
        self._open_handlers = handlers
        self._stall_seconds = stall_seconds
        self._made = made
        self._calls: deque[bytes] = deque()
        self._calls_size = 0
        self._gone = asyncio.Event()
        self._wake: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._interruptible = False
        self._interrupted = False
        self._streaming = False
        self._handlers: dict[str, Interface] = {}
        self.peer: Peer

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = peer_of(transport.get_extra_info("socket"))
        self._made(self)

    def data_received(self, data: bytes) -> None:
        for frame in self.frames.feed(data):
            self._calls.append(frame)
            self._calls_size += len(frame)
        if self._calls_size > READ_AHEAD:
            if self._streaming:
                # Not to read would be not to notice that it goes, and the stream might never end.
                self._drop("it sends calls behind a stream")
                return
            self.hold_reading()
        self._notify()

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
        self._calls.clear()
        self._end()

    async def serve(self) -> None:
        """Answer calls until the peer goes, then close everything."""
        self._task = asyncio.current_task()
        try:
            self._open()
            while (frame := await self._next_call()) is not None:
                await self._answer(codec.decode_call(frame))
            if self.frames.overflow:
                await self._refuse_too_large()
        except codec.ProtocolError as error:
            self._drop(str(error))
        finally:
            await self.close()
            for handler in self._handlers.values():
                await _closed(handler)

    def _open(self) -> None:
        handlers = self._open_handlers(self.peer)
        self._handlers = {handler.varlink_name: handler for handler in handlers}
        self._handlers[Service.varlink_name] = Service([type(handler) for handler in handlers])

    # Taking calls

    async def _next_call(self) -> bytes | None:
        while not self._calls:
            if self._gone.is_set() or self.frames.overflow:
                return None
            self.go_on_reading()
            self._wake = self._loop.create_future()
            await self._wake
        frame = self._calls.popleft()
        self._calls_size -= len(frame)
        return frame

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _end(self) -> None:
        if self._gone.is_set():
            return
        self._gone.set()
        self._notify()
        if self._interruptible and self._task is not None:
            self._interrupted = True
            self._task.cancel()

    # Answering

    async def _answer(self, call: codec.Call) -> None:
        try:
            reply = await self._run(call)
        except HiveError as error:
            reply = codec.encode_error(*faults.to_wire(error))
        except ServiceError as error:
            reply = codec.encode_error(error.name, error.parameters)
        except asyncio.CancelledError:
            if self._task is None or self._task.cancelling():
                raise
            log.exception("%s was cancelled from inside", call.method)
            reply = codec.encode_error(*faults.to_wire(HiveError()))
        except Exception:
            log.exception("%s failed", call.method)
            reply = codec.encode_error(*faults.to_wire(HiveError()))
        if not call.oneway:
            self.write(reply)
            await self._drain()

    async def _run(self, call: codec.Call) -> bytes:
        method, function = self._find(call.method)
        if method.streaming and not call.more:
            raise ServiceError("ExpectedMore")
        try:
            request = method.request.__pydantic_validator__.validate_python(call.parameters)
        except ValidationError as error:
            raise faults.from_validation(error) from None
        if method.streaming or method.waits:
            return await self._run_while_there(method, function, request)
        return codec.encode_reply(await function(request))

    def _find(self, name: str) -> tuple[Method, Callable[[Model], Any]]:
        interface, _, wire_name = name.rpartition(".")
        handler = self._handlers.get(interface)
        if handler is None:
            raise ServiceError("InterfaceNotFound", interface=interface)
        method = methods(type(handler)).get(wire_name)
        if method is None:
            raise ServiceError("MethodNotFound", method=name)
        function = getattr(handler, method.attribute)
        if hasattr(function, "__rpc_role__"):
            raise ServiceError("MethodNotImplemented", method=name)
        return method, function

    async def _run_while_there(self, method: Method, function: Callable[[Model], Any], request: Model) -> bytes:
        """Run a stream, or a call that waits, until it ends or the peer goes."""
        self.go_on_reading()
        self._interruptible = True
        try:
            if self._gone.is_set():
                return b""
            if method.streaming:
                return await self._stream(function(request))
            return codec.encode_reply(await function(request))
        except asyncio.CancelledError:
            if not self._interrupted or self._task is None or self._task.cancelling() > 1:
                raise
            return b""
        finally:
            self._interruptible = False
            if self._interrupted and self._task is not None:
                self._interrupted = False
                self._task.uncancel()

    async def _stream(self, items: AsyncIterator[Model]) -> bytes:
        self._streaming = True
        try:
            async for item in items:
                if self._gone.is_set():
                    break
                self.write(codec.encode_reply(item, continues=True))
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
            self._drop("it does not read")

    async def _refuse_too_large(self) -> None:
        """Say so, and take the rest without keeping it: a peer that still writes would not come to read the reply."""
        self.write(codec.encode_error(*faults.to_wire(codec.too_large("The call"))))
        self.go_on_reading()
        if not self.transport.is_closing():
            self.transport.write_eof()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            self._drop("it does not stop sending")

    def _drop(self, reason: str) -> None:
        log.warning("Dropping the connection of pid %d, uid %d: %s", self.peer.pid, self.peer.uid, reason)
        self.transport.abort()


async def _closed(handler: Interface) -> None:
    closed = getattr(handler, "closed", None)
    if closed is None:
        return
    try:
        await closed()
    except Exception:
        log.exception("%s failed when its connection ended", type(handler).__name__)
