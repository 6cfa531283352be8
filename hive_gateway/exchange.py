"""One request on its way to what answers it, and the answer on its way back. Whoever answers needs nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from hive_gateway.body import Body
from hive_gateway.envelope import Envelope, EnvelopeReader
from hive_gateway.errors import ApiError
from hive_gateway.headers import Headers
from hive_gateway.metering.usage import UsageReader, Used
from hive_gateway.route import Route

ADMISSION_SECONDS = 30.0
"""How long a success waits for its own request to have been let out."""

AT_ONCE = 16 * 1024
"""Bytes of a body that are read before everybody else is served: at worst some twenty milliseconds."""

Gate = Callable[[Envelope | None], Awaitable[None]]
"""Asked when the whole of a request's body is there but for its last byte, with what was read of it, if it was to be
read. Raises ApiError to refuse it."""


async def _let_through(asked: Envelope | None) -> None:
    """A gate that refuses nothing."""


class Meter(Protocol):
    """Writes down what an answer used."""

    async def settle(self, used: Used) -> None: ...

    def abandon(self, used: Used) -> None: ...

    def worst(self, received: int) -> Used: ...


class Exchange:
    """Made by the gateway's desk for each request."""

    def __init__(
        self,
        request: web.BaseRequest,
        route: Route,
        agent: str,
        *,
        gate: Gate = _let_through,
        reads: bool = False,
        meter: Meter | None = None,
        observe: Callable[[int, Headers], None] = lambda status, headers: None,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """`reads`: the gate is to know what the request asks for. `observe` is told the answer's status and headers.
        `turn` is the same for all requests of an agent: their bodies are read in turns.
        """
        self.request = request
        self.route = route
        self.agent = agent
        self.refused: ApiError | None = None
        """Why the body was not passed on to its end."""
        self.size = 0
        """Bytes of the body that have arrived."""
        self._gate = gate
        self._reads = reads
        self._meter = meter
        self._observe = observe
        self._turn = turn or asyncio.Lock()
        self._response: MeteredResponse | None = None
        self._admitted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body as it arrives; its last byte comes only when the gate has let it out.

        Without its last byte it is no request: neither its length nor its JSON is complete. Raises ApiError.
        """
        try:
            async for piece in self._pieces():
                yield piece
        except ApiError as error:
            self.refused = error
            raise
        finally:
            if not self._admitted.done():
                self._admitted.set_result(False)

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.body()])

    async def respond(self, status: int, headers: Headers, *, reason: str | None = None) -> web.StreamResponse:
        """Begin the answer; write to it, and end it with `write_eof`."""
        self._observe(status, headers)
        if status < 400:
            # What answers before it has the whole request has not been asked yet.
            async with asyncio.timeout(ADMISSION_SECONDS):
                if not await asyncio.shield(self._admitted):
                    raise self.refused or ApiError(502, "The model API answered before it had the request.")
        response: web.StreamResponse
        if status == 200 and self._meter is not None and self.route is Route.MESSAGES:
            response = self._response = MeteredResponse(self._meter, status, headers, reason)
        else:
            response = web.StreamResponse(status=status, reason=reason, headers=headers)
        await response.prepare(self.request)
        return response

    async def respond_json(self, value: Mapping[str, Any], headers: Mapping[str, str]) -> web.StreamResponse:
        body = json.dumps(value).encode()
        made = web.Response(headers={**headers, "content-length": str(len(body))}, content_type="application/json")
        response = await self.respond(200, made.headers)
        await response.write(body)
        await response.write_eof()
        return response

    def observe(self, error: ApiError) -> None:
        """The answer is an error that was raised, not begun with `respond`."""
        self._observe(error.status, error.response().headers)

    def cut_off(self) -> None:
        """End it now, as if the client had gone away."""
        if self.request.transport is not None:
            self.request.transport.abort()

    def abandon(self) -> None:
        """It is over, however it went: what was answered so far is written down."""
        if self._response is not None:
            self._response.abandon()

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._reads and self.request.headers.get("content-encoding", "identity") != "identity":
            raise ApiError(415, "The hive's gateway reads requests only as they are: send them uncompressed.")
        reader, last = EnvelopeReader() if self._reads else None, b""
        async for piece in Body(self.request):
            self.size += len(piece)
            if reader is not None:
                await self._read(reader, piece)
            whole = last + piece
            last = whole[-1:]
            if len(whole) > 1:
                yield whole[:-1]
        await self._gate(reader.finish() if reader is not None else None)
        self._admitted.set_result(True)
        if last:
            yield last

    async def _read(self, reader: EnvelopeReader, piece: bytes) -> None:
        for begin in range(0, len(piece), AT_ONCE):
            async with self._turn:
                reader.feed(piece[begin : begin + AT_ONCE])
                await asyncio.sleep(0)


class MeteredResponse(web.StreamResponse):
    """An answer whose usage is written down before its end is passed on."""

    def __init__(self, meter: Meter, status: int, headers: Headers, reason: str | None) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        stream = headers.get("content-type", "").startswith("text/event-stream")
        readable = headers.get("content-encoding", "identity") == "identity"
        self._reader = UsageReader(stream=stream) if readable else None
        self._meter = meter
        self._left = -1 if stream else int(headers.get("content-length", -1))
        """Bytes until the client has all of it; negative where only the end of the connection or chunks tell."""
        self._received = 0
        self._settled = False

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        self._received += len(data)
        self._left -= len(data)
        if self._reader is not None:
            self._reader.feed(bytes(data))
        if self._left == 0:
            await self._settle()
        elif self._reader is not None and self._reader.final:
            await self._meter.settle(self._known())
        await super().write(data)

    async def write_eof(self, data: bytes = b"") -> None:
        if data:
            await self.write(data)
        await self._settle()
        await super().write_eof()

    def abandon(self) -> None:
        if not self._settled:
            self._settled = True
            self._meter.abandon(self._known())

    async def _settle(self) -> None:
        if not self._settled:
            self._settled = True
            if self._reader is not None:
                self._reader.end()
            await self._meter.settle(self._known())

    def _known(self) -> Used:
        used = self._reader.used if self._reader is not None else None
        return self._meter.worst(self._received) if used is None else used
