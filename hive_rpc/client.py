"""The client: one connection, and proxies that turn an interface's methods into calls on it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from hive_rpc import codec, faults, sockets
from hive_rpc.errors import ConflictError, HiveError, InvalidError, UnavailableError
from hive_rpc.interface import Interface, Method, methods
from hive_rpc.link import Link
from hive_rpc.types import Model

InterfaceT = TypeVar("InterfaceT", bound=Interface)
ModelT = TypeVar("ModelT", bound=Model)

READ_AHEAD = 256 * 1024
"""Bytes of a stream's items that wait for the one who reads them before reading stops."""


class Client:
    """One connection to a server. Calls may be made without waiting for each other; they are answered in order.

    A stream owns the connection while it is open, and a call that waits holds up every later one: each needs a
    Client of its own. Leaving a stream early, or cancelling a call that waits, closes the connection, for that is
    how the server learns of it. Cancelling any other call leaves the connection usable, and the call running.
    """

    def __init__(self, link: "_ClientLink") -> None:
        self._link = link

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Raises UnavailableError when nothing listens there, ForbiddenError when the socket's rights forbid it."""
        connection = await sockets.connect(path)
        try:
            _, link = await asyncio.get_running_loop().create_unix_connection(
                lambda: _ClientLink(str(path)), sock=connection
            )
        except BaseException:
            connection.close()
            raise
        return cls(link)

    def proxy(self, interface: type[InterfaceT]) -> InterfaceT:
        """An instance of the interface whose methods make the calls.

        They raise what the server raised, and UnavailableError when the connection is lost before the reply comes.
        """
        return cast(InterfaceT, _proxy_class(interface)(self._link))

    async def oneway(self, interface: type[Interface], method: Callable[[Any, ModelT], Any], request: ModelT) -> None:
        """Make a call that is not answered, as `oneway(Agent, Agent.ack, request)`; nobody learns of failure."""
        found = next(m for m in methods(interface).values() if m.attribute == method.__name__)
        await self._link.send(found, request, oneway=True)

    @property
    def closed(self) -> bool:
        """It has been closed, or was lost."""
        return self._link.transport.is_closing()

    async def close(self) -> None:
        """Close the connection; what is still awaited on it fails with UnavailableError."""
        await self._link.close()


@contextlib.asynccontextmanager
async def connect(path: Path) -> AsyncIterator[Client]:
    """`Client.connect` for a `with` block."""
    client = await Client.connect(path)
    try:
        yield client
    finally:
        await client.close()


class _ClientLink(Link):
    """Matches replies to calls: what arrives belongs to the oldest call still awaited, or else to the stream."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where
        self._awaited: deque[asyncio.Future[bytes]] = deque()
        self._streaming = False
        self._items: deque[bytes] = deque()
        """What the stream's reader has not taken yet."""
        self._items_size = 0
        self._arrival: asyncio.Future[None] | None = None

    # Called by the event loop

    def data_received(self, data: bytes) -> None:
        for frame in self.frames.feed(data):
            if self._awaited:
                waiter = self._awaited.popleft()
                if not waiter.done():
                    waiter.set_result(frame)
            elif self._streaming:
                self._items.append(frame)
                self._items_size += len(frame)
            else:
                self.transport.abort()
        if self._items_size > READ_AHEAD:
            self.hold_reading()
        if self.frames.overflow:
            self.transport.abort()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        for waiter in self._awaited:
            if not waiter.done():
                waiter.set_exception(self._lost_error())
        self._awaited.clear()
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # Calls

    async def send(self, method: Method, request: Model, *, more: bool = False, oneway: bool = False) -> None:
        try:
            frame = codec.encode_call(method.full_name, request, more=more, oneway=oneway)
        except PydanticSerializationError as error:
            raise InvalidError(f"The parameters of {method.full_name} cannot be written as JSON: {error}") from error
        if self.must_wait:
            await self.drain()
        if self.transport.is_closing():
            raise UnavailableError(f"The connection to {self._where} is closed.", hint="Connect again.")
        if self._streaming:
            raise ConflictError(
                f"The connection to {self._where} carries a stream.", hint="Make other calls on one of their own."
            )
        self.write(frame)

    async def call(self, method: Method, request: Model) -> Model:
        await self.send(method, request)
        waiter = self._loop.create_future()
        self._awaited.append(waiter)
        try:
            frame = await waiter
        except asyncio.CancelledError:
            if method.waits:
                self.transport.abort()
            raise
        return self.read(method, self.decode(frame))

    def decode(self, frame: bytes) -> codec.Reply:
        try:
            return codec.decode_reply(frame)
        except codec.ProtocolError as error:
            self.transport.abort()
            raise UnavailableError(f"What answers on {self._where} does not speak Varlink: {error}.") from error

    def read(self, method: Method, reply: codec.Reply) -> Model:
        """What a reply says; raises the error that it carries."""
        if reply.error is not None:
            raise faults.from_wire(reply.error, reply.parameters)
        try:
            return cast(Model, method.reply.__pydantic_validator__.validate_python(reply.parameters))
        except ValidationError as error:
            raise HiveError(
                f"The reply to {method.full_name} has another shape than it should: {faults.from_validation(error)}",
                hint="Are both ends of the same version?",
            ) from error

    # The stream, of which there is one at a time

    async def open_stream(self, method: Method, request: Model) -> None:
        await self.send(method, request, more=True)
        self._streaming = True

    async def next_frame(self) -> bytes:
        """The next reply to the streaming call."""
        while not self._items:
            if self.lost.done():
                raise self._lost_error()
            self.go_on_reading()
            self._arrival = self._loop.create_future()
            await self._arrival
        frame = self._items.popleft()
        self._items_size -= len(frame)
        return frame

    def end_stream(self) -> None:
        """The stream is over: the connection is free again."""
        self._streaming = False
        self.go_on_reading()

    def _lost_error(self) -> UnavailableError:
        return UnavailableError(
            f"The connection to {self._where} was lost.",
            hint="Connect again; what was under way may or may not have been done.",
        )


class _Stream(Generic[ModelT]):
    """The items of one streaming call, which is made when the first is asked for.

    Only its reader holds it: dropped or closed before its end, it closes the connection.
    """

    def __init__(self, link: _ClientLink, method: Method, request: Model) -> None:
        self._link = link
        self._method = method
        self._request = request
        self._open = False
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ModelT:
        if self._over:
            raise StopAsyncIteration
        if not self._open:
            await self._link.open_stream(self._method, self._request)
            self._open = True
        try:
            reply = self._link.decode(await self._link.next_frame())
        except UnavailableError:
            self._end()
            raise
        if not reply.continues:
            self._end()
            if reply.error is None and not reply.parameters:
                raise StopAsyncIteration
        return cast(ModelT, self._link.read(self._method, reply))

    async def aclose(self) -> None:
        """End the stream, and the connection with it unless the stream was over."""
        was_open, self._open, self._over = self._open, False, True
        if was_open:
            await self._link.close()

    def __del__(self) -> None:
        if self._open:
            self._link.forsake()

    def _end(self) -> None:
        self._open = False
        self._over = True
        self._link.end_stream()


_proxies: dict[type[Interface], Callable[[_ClientLink], Interface]] = {}


def _proxy_class(interface: type[Interface]) -> Callable[[_ClientLink], Interface]:
    if interface not in _proxies:
        _proxies[interface] = _make_proxy_class(interface)
    return _proxies[interface]


def _make_proxy_class(interface: type[Interface]) -> Callable[[_ClientLink], Interface]:
    namespace: dict[str, Any] = {"__init__": _remember_link}
    for method in methods(interface).values():
        namespace[method.attribute] = _stream(method) if method.streaming else _unary(method)
    return type(f"{interface.__name__}Proxy", (interface,), namespace)


def _remember_link(self: Any, link: _ClientLink) -> None:
    self._link = link


def _unary(method: Method) -> Callable[[Any, Model], Coroutine[Any, Any, Model]]:
    def call(self: Any, request: Model) -> Coroutine[Any, Any, Model]:
        link: _ClientLink = self._link
        return link.call(method, request)

    return call


def _stream(method: Method) -> Callable[[Any, Model], AsyncIterator[Model]]:
    def call(self: Any, request: Model) -> AsyncIterator[Model]:
        return _Stream(self._link, method, request)

    return call
