"""Memory of an agent that waits for a message, its runner gone: the harness, and its whole container.

Floors: a Python that sleeps in asyncio, and a bare container with the same root. As many of each as there are agents,
at the same time, because what processes share is divided among them.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from tests.bench import pss
from tests.bench.arrivals import recording
from tests.bench.container import booted, pids
from tests.bench.figure import Figure
from tests.bench.hive import BenchHive, bench_hive

COUNTS = (1, 20)
AT_ONCE = 4
"""Agents that are spawned at the same time."""
SLEEPER = "import asyncio; print('ready', flush=True); asyncio.run(asyncio.sleep(3600))"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_NEEDED = 1024
"""A booted container takes five, and all of them belong to root; the kernel's default is 128."""


@contextmanager
def _enough_inotify() -> Iterator[None]:
    before = INOTIFY.read_text()
    if int(before) < INOTIFY_NEEDED:
        INOTIFY.write_text(str(INOTIFY_NEEDED))
    try:
        yield
    finally:
        INOTIFY.write_text(before)


@asynccontextmanager
async def _sleeper() -> AsyncIterator[int]:
    """The pid of a Python that does nothing."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", SLEEPER, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def _spawn(hive: BenchHive, names: list[str]) -> None:
    """Make the agents and let each have its first turn."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with free:
            await hive.spawn(name)
            await hive.runner_ended(name)

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(one(name))


async def _measure(hive: BenchHive, directory: Path, names: list[str]) -> list[Figure]:
    async with AsyncExitStack() as stack:
        sleepers, containers = [], []
        for name in names:
            sleepers.append(await stack.enter_async_context(_sleeper()))
            containers.append(await stack.enter_async_context(booted(directory, f"{len(names)}-{name}")))
        bare_python = pss.mib(sleepers) / len(names)
        bare_container = sum(pss.mib(pids(cgroups)) for cgroups in containers) / len(names)
        harness = sum([pss.mib(await hive.harness(name)) for name in names]) / len(names)
        container = sum([pss.mib(await hive.container(name)) for name in names]) / len(names)
    label = f"{len(names)}_agent{'s' * (len(names) > 1)}"
    return [
        Figure(f"idle_harness_pss_{label}", harness, "MiB", floor=bare_python),
        Figure(f"idle_container_pss_{label}", container, "MiB", floor=bare_container),
    ]


async def run() -> list[Figure]:
    figures: list[Figure] = []
    names: list[str] = []
    with tempfile.TemporaryDirectory() as name, _enough_inotify():
        directory = Path(name)
        async with recording(directory) as arrivals, bench_hive(directory, arrivals.url) as hive:
            for founder in ("manager", "worker"):
                await hive.stop(founder)
            for count in COUNTS:
                new = [f"a{n}" for n in range(len(names), count)]
                await _spawn(hive, new)
                names += new
                figures += await _measure(hive, directory, names)
    return figures
