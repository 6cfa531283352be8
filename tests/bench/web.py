"""Pages and live streams of a full hive: 200 agents, 50,000 messages, 500 open pages.

A page's floor is a bare aiohttp page of the same size; the streams' is a bare aiohttp fan-out of the same events.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.bench.figure import Figure, alternate, python
from tests.bench.web_servers import TICKER, TOKEN
from tests.support.hive_host import free_port

LOADS = 40
ROUNDS = 3
PAGES = {"/": "hive", "/agent/worker-000/": "agent"}
CLIENTS = 500
AT_ONCE = 50
SECONDS = 8.0
COOKIE = {"Cookie": f"hive={TOKEN}"}


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        socket, config = Path(directory) / "web.sock", Path(directory) / "web.toml"
        port = free_port()
        config.write_text(f'port = {port}\ncore_socket = "{socket}"\n')
        core = python("tests.bench.web_servers", "core", socket, Path(directory) / "core.sqlite")
        async with core, _dashboard(config, port):
            return await _figures(f"http://127.0.0.1:{port}")


async def _figures(ours: str) -> list[Figure]:
    figures = []
    for path, name in PAGES.items():
        async with ClientSession(headers=COOKIE) as session:
            size = len(await _get(session, ours + path))
        figures.append(Figure(f"web_{name}_bytes", size, "bytes"))
        port = free_port()
        async with python("tests.bench.web_servers", "bare", port, size):
            floor_url = f"http://127.0.0.1:{port}/"
            measures = [
                partial(_loads, ours + path),
                partial(_loads, ours + path, anew=True),
                partial(_loads, floor_url),
            ]
            mine, anew, floor = await alternate(ROUNDS, measures)
        figures.append(Figure(f"web_{name}_seconds", mine, "s", floor=floor))
        figures.append(Figure(f"web_{name}_anew_seconds", anew, "s", floor=floor))
    port = free_port()
    async with python("tests.bench.web_servers", "bare", port, 1):
        floor = await _streams(f"http://127.0.0.1:{port}/events")
    mine = await _streams(f"{ours}/events?agent={TICKER}&after=150")
    figures.append(Figure(f"web_events_{CLIENTS}_clients_p99", mine, "s", floor=floor))
    return figures


async def _get(session: ClientSession, url: str) -> bytes:
    async with session.get(url) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def _loads(url: str, *, anew: bool = False) -> float:
    """The median time of one load, in seconds, one after the other on one connection.

    Nothing changes in between, except with `anew`: then each page has to be made.
    """
    taken = []
    async with ClientSession(headers=COOKIE) as session:
        for _ in range(LOADS):
            start = time.perf_counter()
            await _get(session, f"{url}?{time.monotonic_ns()}" if anew else url)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


async def _streams(url: str) -> float:
    """The 99th percentile of the time from telling of an event to its arrival, in seconds, over all clients."""
    late: list[float] = []
    connector, never = TCPConnector(limit=0), ClientTimeout(total=None)
    connecting, measuring = asyncio.Semaphore(AT_ONCE), asyncio.Event()
    connected = 0

    async def follow(session: ClientSession) -> None:
        nonlocal connected
        async with connecting:
            answer = await session.get(url)
        assert answer.status == 200
        connected += 1
        async with answer:
            async for line in answer.content:
                now = time.monotonic()
                if measuring.is_set():
                    # A line of ours may carry several events, when some came while others were being written.
                    late.extend(now - float(p.split(b'"')[0]) for p in line.split(b"at ")[1:] if p[:1].isdigit())

    async with ClientSession(connector=connector, timeout=never, headers=COOKIE) as session:
        tasks = [asyncio.create_task(follow(session)) for _ in range(CLIENTS)]
        while connected < CLIENTS:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        measuring.set()
        await asyncio.sleep(SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return statistics.quantiles(late, n=100)[98]


@asynccontextmanager
async def _dashboard(config: Path, port: int) -> AsyncIterator[None]:
    """hive-web in a process of its own, as it is run."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hive_web", config, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
