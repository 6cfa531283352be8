"""The gateway on the way to the API: the first byte of an answer, how fast it streams, and what that costs.

Beside the least that aiohttp needs for the same, and nginx, with the same API behind all of them; with one stream, and
with as many as a busy hive has.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from hive_base.paths import RunPaths
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY
from tests.bench.figure import Figure, alternate, python
from tests.bench.gateway_servers import DELTA, START
from tests.bench.nginx import nginx
from tests.support.hive_host import free_port

REQUESTS = 400
SHORT = 20
"""Deltas of an answer whose first byte is waited for."""
CONVERSATION = "x" * 40_000
"""About what the CLI sends with its first request."""
HEADERS = {"x-api-key": PLACEHOLDER_API_KEY, "content-type": "application/json"}


@dataclass(frozen=True)
class Load:
    """So many streams at once, of so many deltas each.

    Between two of a stream's deltas is a pause, so that they come one by one, as a model writes them: how many would
    come together otherwise is an accident, and decides what they cost. Only the throughput is measured without.
    """

    streams: int
    deltas: int
    pause: float
    """Seconds."""
    rounds: int
    unpaced_deltas: int


ALONE = Load(streams=1, deltas=1_000, pause=0.0005, rounds=5, unpaced_deltas=20_000)
BUSY = Load(streams=200, deltas=60, pause=0.05, rounds=5, unpaced_deltas=200)


class Proxy:
    """A proxy's process, as its clients use it and as the kernel accounts for it."""

    def __init__(self, client: aiohttp.ClientSession, pid: int) -> None:
        self._client = client
        self._pid = pid

    async def first_byte(self) -> float:
        """Milliseconds."""
        return await self._stream(SHORT, pause=0)

    async def first_byte_of_many(self, load: Load) -> float:
        """Milliseconds: the median of streams that begin at the same moment and are paced."""
        return statistics.median(await self._streams(load.streams, load.deltas, load.pause))

    async def processor_time(self, load: Load) -> float:
        """Milliseconds of a processor for each megabyte that is streamed."""
        before = self._used()
        await self._streams(load.streams, load.deltas, load.pause)
        return (self._used() - before) * 1000 / _megabytes(load.streams, load.deltas)

    async def throughput(self, load: Load) -> float:
        """Megabytes a second of all streams, as fast as they go."""
        began = time.perf_counter()
        await self._streams(load.streams, load.unpaced_deltas, pause=0)
        return _megabytes(load.streams, load.unpaced_deltas) / (time.perf_counter() - began)

    async def _streams(self, streams: int, deltas: int, pause: float) -> list[float]:
        return await asyncio.gather(*(self._stream(deltas, pause) for _ in range(streams)))

    async def _stream(self, deltas: int, pause: float) -> float:
        """Milliseconds from the request to the first byte of the answer's body, which is then read to its end."""
        body = json.dumps({"model": "sonnet", "deltas": deltas, "pause": pause, "messages": CONVERSATION}).encode()
        began, first, received = time.perf_counter(), 0.0, 0
        async with self._client.post("http://proxy/v1/messages", data=body) as response:
            async for chunk in response.content.iter_any():
                first = first or time.perf_counter()
                received += len(chunk)
        if received != len(START) + deltas * len(DELTA):
            raise RuntimeError(f"an answer came with status {response.status} and {received} bytes")
        return (first - began) * 1000

    def _used(self) -> float:
        """Seconds: the first field of schedstat, in nanoseconds, of each thread."""
        tasks = Path(f"/proc/{self._pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _megabytes(streams: int, deltas: int) -> float:
    return streams * (len(START) + deltas * len(DELTA)) / 1_000_000


@asynccontextmanager
async def _client(socket: Path) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(str(socket), limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS, auto_decompress=False) as client:
        yield client


@asynccontextmanager
async def _proxies(directory: Path) -> AsyncIterator[tuple[Proxy, Proxy, Proxy]]:
    """Ours, the bare one, and nginx, all before the same API."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ours, bare, peer = (
        directory / RunPaths().gateway_socket("worker").name,
        directory / "bare.sock",
        directory / "nginx.sock",
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(python("tests.bench.gateway_servers", "api", str(port)))
        processes = [
            await stack.enter_async_context(python("tests.bench.gateway_servers", "ours", ours, url)),
            await stack.enter_async_context(python("tests.bench.gateway_servers", "bare", bare, url)),
            await stack.enter_async_context(nginx(peer, f"127.0.0.1:{port}")),
        ]
        clients = [await stack.enter_async_context(_client(socket)) for socket in (ours, bare, peer)]
        first, second, third = (Proxy(c, p.pid) for c, p in zip(clients, processes, strict=True))
        yield first, second, third


async def run() -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        async with _proxies(Path(name)) as proxies:

            async def measure(metric: str, unit: str, rounds: int, work: Callable[[Proxy], Awaitable[float]]) -> None:
                mine, floor, peer = await alternate(rounds, [partial(work, proxy) for proxy in proxies])
                figures.append(Figure(metric, mine, unit, floor=floor, peer=peer))

            await measure("gateway_first_byte", "ms", REQUESTS, Proxy.first_byte)
            for load in (ALONE, BUSY):
                among = "" if load.streams == 1 else f"_{load.streams}_streams"
                if among:
                    await measure(f"gateway_first_byte{among}", "ms", load.rounds, lambda p: p.first_byte_of_many(BUSY))
                for metric, unit, work in (
                    ("processor_time", "ms/MB", Proxy.processor_time),
                    ("throughput", "MB/s", Proxy.throughput),
                ):
                    await measure(f"gateway_{metric}{among}", unit, load.rounds, partial(work, load=load))
    return figures
