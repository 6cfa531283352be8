"""The gateway on the way to the API: the first byte of an answer, and processor time for what is streamed.

Beside the least that aiohttp needs for the same, with the same API behind both.
"""

import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from hive_base.paths import RunPaths
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY
from tests.bench.figure import Figure, alternate, python
from tests.bench.gateway_servers import DELTA, START
from tests.support.hive_host import free_port

REQUESTS = 400
SHORT = 20
STREAMS = 5
LONG = 1_000
"""Deltas of an answer, whose first byte is waited for, and which is streamed."""
PAUSE = 0.0005
"""Seconds between two of the stream's deltas, so that they come one by one, as a model writes them: how many would come
together otherwise is an accident, and decides what they cost."""
CONVERSATION = "x" * 40_000
"""About what the CLI sends with its first request."""
HEADERS = {"x-api-key": PLACEHOLDER_API_KEY, "content-type": "application/json"}


class Proxy:
    """A proxy's process, as one client uses it and as the kernel accounts for it."""

    def __init__(self, client: aiohttp.ClientSession, pid: int) -> None:
        self._client = client
        self._pid = pid

    async def first_byte(self) -> float:
        """Milliseconds from the request to the first byte of the answer's body."""
        body = _body(SHORT, pause=0)
        began = time.perf_counter()
        async with self._client.post("http://proxy/v1/messages", data=body) as response:
            await response.content.readany()
            took = time.perf_counter() - began
            await response.read()
        return took * 1000

    async def processor_time(self) -> float:
        """Milliseconds of a processor for each megabyte that is streamed."""
        body, before = _body(LONG, pause=PAUSE), self._used()
        async with self._client.post("http://proxy/v1/messages", data=body) as response:
            received = 0
            async for chunk in response.content.iter_any():
                received += len(chunk)
        if received != len(START) + LONG * len(DELTA):
            raise RuntimeError(f"an answer came with status {response.status} and {received} bytes")
        return (self._used() - before) * 1000 / (received / 1_000_000)

    def _used(self) -> float:
        """Seconds: the first field of schedstat, in nanoseconds, of each thread."""
        tasks = Path(f"/proc/{self._pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _body(deltas: int, *, pause: float) -> bytes:
    return json.dumps({"model": "sonnet", "deltas": deltas, "pause": pause, "messages": CONVERSATION}).encode()


@asynccontextmanager
async def _proxy(kind: str, socket: Path, url: str) -> AsyncIterator[Proxy]:
    async with (
        python("tests.bench.gateway_servers", kind, socket, url) as process,
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(socket)), headers=HEADERS, auto_decompress=False
        ) as client,
    ):
        yield Proxy(client, process.pid)


async def run() -> list[Figure]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with (
            python("tests.bench.gateway_servers", "api", str(port)),
            _proxy("bare", directory / "bare.sock", url) as bare,
            _proxy("ours", directory / RunPaths().gateway_socket("worker").name, url) as ours,
        ):
            mine, floor = await alternate(REQUESTS, [ours.first_byte, bare.first_byte])
            mine_used, floor_used = await alternate(STREAMS, [ours.processor_time, bare.processor_time])
    return [
        Figure("gateway_first_byte", mine, "ms", floor=floor),
        Figure("gateway_processor_time", mine_used, "ms/MB", floor=floor_used),
    ]
