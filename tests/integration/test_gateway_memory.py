"""A connection costs the gateway what its buffers hold, however much wants to pass through it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from hive_gateway.body import MAX_BODY
from tests.support.gateway import MESSAGES, PLACEHOLDER, api_server, client_of

CONNECTIONS = 4
"""Of each kind; with 200 it takes two minutes until all of them are stuck."""
PER_CONNECTION = 4 * 2**20
"""Bytes. Measured with 20 and 200 of a kind: 0.8 to 1.3 MiB for a reader that stalls, 0.3 to 0.9 MiB for a writer.
What a socket had at once (asyncio takes up to 256 KiB) is on its way from one buffer to the next. Whole, a body would
take 32 MiB."""
PIECE = b"data: " + b"x" * (2**16 - 8) + b"\n\n"


class Measured:
    """A gateway in a process of its own, and what it had in memory at most."""

    def __init__(self, pid: int, socket: Path) -> None:
        self.socket = socket
        self._pid = pid
        self._before = 0

    async def warm_up(self) -> None:
        """What one connection alone needs is not counted."""
        await self.whole()
        self._before = self._peak()

    def grown(self) -> int:
        """Bytes since then."""
        return self._peak() - self._before

    async def whole(self) -> None:
        """A request and an answer of the greatest size, from begin to end."""
        async with client_of(self.socket) as client:
            async with client.post(MESSAGES, data=_body(), headers={"x-is": "whole"}) as answer:
                assert answer.status == 200
                async for _ in answer.content.iter_any():
                    pass

    def _peak(self) -> int:
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the kernel does not tell")


async def _body() -> AsyncIterator[bytes]:
    for _ in range(0, MAX_BODY, len(PIECE)):
        yield PIECE


@asynccontextmanager
async def api() -> AsyncIterator[str]:
    """Takes and gives bodies of the greatest size; what a request sends that is only written it does not read."""
    over = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers["x-is"] == "written":
            await over.wait()
            return web.Response()
        return await _takes_and_gives(request)

    async with api_server(answer) as server:
        try:
            yield str(server.make_url("/"))
        finally:
            over.set()


async def _takes_and_gives(request: web.BaseRequest) -> web.StreamResponse:
    async for _ in request.content.iter_any():
        pass
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    async for piece in _body():
        await response.write(piece)
    return response


@asynccontextmanager
async def measured(directory: Path, url: str = "") -> AsyncIterator[Measured]:
    """Leads to the API at the address, or without one keeps every body whole."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.measured_gateway", directory, url),
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        socket = Path((await process.stdout.readline()).decode().strip())
        gateway = Measured(process.pid, socket)
        await gateway.warm_up()
        yield gateway
    finally:
        process.kill()
        await process.communicate()


@asynccontextmanager
async def slow_readers(socket: Path, count: int) -> AsyncIterator[None]:
    """Each has got the first byte of its answer and reads no more than its buffer takes."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=1024)
            stack.callback(writer.transport.abort)
            writer.write(_head("read", 2) + b"{}")
            await reader.readexactly(1)
        yield


@asynccontextmanager
async def slow_writers(socket: Path, count: int) -> AsyncIterator["list[asyncio.Task[None]]"]:
    """Each has begun a body of the greatest size and goes on as it is let; the tasks end when all of it is sent."""

    async def write(writer: asyncio.StreamWriter) -> None:
        for _ in range(0, MAX_BODY, len(PIECE)):
            writer.write(PIECE)
            await writer.drain()

    async with AsyncExitStack() as stack:
        tasks = []
        for _ in range(count):
            _, writer = await asyncio.open_unix_connection(str(socket))
            stack.callback(writer.transport.abort)
            writer.write(_head("written", MAX_BODY))
            task = asyncio.create_task(write(writer))
            stack.callback(task.cancel)
            tasks.append(task)
        yield tasks


def _head(kind: str, length: int) -> bytes:
    headers = {**PLACEHOLDER, "host": "gateway", "x-is": kind, "content-length": str(length)}
    return "\r\n".join(
        ["POST /v1/messages HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    ).encode()


async def test_readers_and_writers_that_stall_cost_their_buffers_alone(tmp_path: Path) -> None:
    async with api() as url, measured(tmp_path, url) as gateway:
        async with slow_readers(gateway.socket, CONNECTIONS), slow_writers(gateway.socket, CONNECTIONS) as writing:
            # While this passes, each of the others has its turns.
            await gateway.whole()
            assert not any(task.done() for task in writing)
            assert gateway.grown() < 2 * CONNECTIONS * PER_CONNECTION


async def test_a_gateway_that_kept_answers_would_be_found_out(tmp_path: Path) -> None:
    async with measured(tmp_path) as hoarder, slow_readers(hoarder.socket, CONNECTIONS):
        assert hoarder.grown() > 2 * CONNECTIONS * PER_CONNECTION


async def test_a_gateway_that_kept_requests_would_be_found_out(tmp_path: Path) -> None:
    async with measured(tmp_path) as hoarder, slow_writers(hoarder.socket, CONNECTIONS) as writing:
        await asyncio.gather(*writing)
        assert hoarder.grown() > 2 * CONNECTIONS * PER_CONNECTION
