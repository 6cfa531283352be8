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
from tests.bench.web_servers import EVENTS_PER_SECOND, NAMES, TICKER, Crowd, crowd
from tests.support.hive_host import free_port

LOADS = 40
ROUNDS = 7
PAGES = {"/": ("hive", NAMES[1]), f"/agent/{NAMES[0]}/": ("agent", NAMES[0])}
"""With the agent to whom something is said meanwhile."""
CLIENTS = 500
AT_ONCE = 50
SECONDS = 8.0


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        async with crowd(Path(directory)) as hive:
            config, port = Path(directory) / "web.toml", free_port()
            config.write_text(f'port = {port}\ncore_socket = "{hive.core.run.web_socket}"\n')
            async with _dashboard(config, port):
                ours = f"http://127.0.0.1:{port}"
                return [*await _pages(hive, ours), await _fan_out(hive, ours)]


async def _pages(hive: Crowd, ours: str) -> list[Figure]:
    figures = []
    for path, (name, agent) in PAGES.items():
        async with ClientSession(headers=_cookie(hive)) as session:
            size = len(await _get(session, ours + path))
        figures.append(Figure(f"web_{name}_bytes", size, "bytes"))
        port = free_port()
        async with python("tests.bench.web_servers", "bare", str(port), str(size)):
            measures = [
                partial(_watched_loads, hive, ours, path, agent),
                partial(_loads, hive, ours + path),
                partial(_loads, hive, ours + path, agent),
                partial(_loads, hive, f"http://127.0.0.1:{port}/", agent),
                partial(_loads, hive, f"http://127.0.0.1:{port}/"),
            ]
            live, same, alone, floor, floor_at_rest = await alternate(ROUNDS, measures)
        figures.append(Figure(f"web_{name}_seconds", live, "s", floor=floor))
        figures.append(Figure(f"web_{name}_unchanged_seconds", same, "s", floor=floor_at_rest))
        figures.append(Figure(f"web_{name}_unwatched_seconds", alone, "s", floor=floor))
    return figures


async def _fan_out(hive: Crowd, ours: str) -> Figure:
    port = free_port()
    async with python("tests.bench.web_servers", "bare", str(port), "1"):
        floor = await _streams(f"http://127.0.0.1:{port}/events", {})
    async with ClientSession(headers=_cookie(hive)) as session:
        page = (await _get(session, f"{ours}/agent/{TICKER}/")).decode()
    cursor = page.split('class="agent-page"')[1].split('data-cursor="')[1].split('"')[0]
    ticking = asyncio.create_task(hive.tick())
    try:
        mine = await _streams(f"{ours}/events?agent={TICKER}&after={cursor}", _cookie(hive))
    finally:
        ticking.cancel()
        await asyncio.wait({ticking})
    return Figure(f"web_events_{CLIENTS}_clients_p99", mine, "s", floor=floor)


def _cookie(hive: Crowd) -> dict[str, str]:
    return {"Cookie": f"hive={hive.token}"}


async def _get(session: ClientSession, url: str) -> bytes:
    async with session.get(url) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def _loads(hive: Crowd, url: str, agent: str | None = None) -> float:
    """The median time of one load, in seconds, one after the other on one connection.

    With an agent something happens in the hive before each of them, fifty times a second at most: to that agent
    something is said, and another one begins or ends to think.
    """
    taken = []
    async with ClientSession(headers=_cookie(hive)) as session:
        for number in range(LOADS):
            if agent is not None:
                await hive.happen(agent, number)
                await asyncio.sleep(1 / EVENTS_PER_SECOND)
            start = time.perf_counter()
            await _get(session, url)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


async def _watched_loads(hive: Crowd, ours: str, path: str, agent: str) -> float:
    """The same while somebody has the hive's page open, as whoever goes from page to page has."""
    async with ClientSession(headers=_cookie(hive), timeout=ClientTimeout(total=None)) as session:
        async with session.get(f"{ours}/events?after=0") as stream:
            reading = asyncio.create_task(stream.content.read())
            try:
                return await _loads(hive, ours + path, agent)
            finally:
                reading.cancel()
                await asyncio.wait({reading})


async def _streams(url: str, headers: dict[str, str]) -> float:
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

    async with ClientSession(connector=connector, timeout=never, headers=headers) as session:
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
