"""Puts clients in processes of their own on a queue, lets them go at one moment, and says how it went."""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

PROCESSES = 2
"""Senders, and receivers, live in so many processes at most."""
_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Load:
    kind: str
    """`hive` or `redis`."""
    where: Path
    """The directory of our sockets, or the socket of Redis."""
    clients: int
    """Senders, and with `receivers` as many recipients."""
    messages: int
    """In all."""
    receivers: bool = False
    per_second: float = 0
    """In all; 0 is as fast as they are answered."""


@dataclass(frozen=True)
class Result:
    per_second: float
    seconds: list[float]
    """From send to receive, sorted; empty without receivers."""

    def quantile(self, share: float) -> float:
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


async def run(load: Load) -> Result:
    each = max(1, load.messages // load.clients)
    interval = load.clients / load.per_second if load.per_second else 0.0
    roles = ("receive", "send") if load.receivers else ("send",)
    async with AsyncExitStack() as stack:
        running: list[asyncio.subprocess.Process] = []
        for role in roles:
            processes = min(load.clients, PROCESSES)
            size = load.clients // processes
            for number in range(processes):
                words = (load.kind, load.where, role, number * size, size, each, interval)
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.bench.sends_clients", *map(str, words)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=_LONGEST_LINE,
                )
                stack.push_async_callback(process.wait)
                running.append(process)
        for process in running:
            await _line(process)
        start = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        seconds = [s for line in [await _line(process) for process in running] for s in json.loads(line)]
        return Result(load.clients * each / (time.perf_counter() - start), sorted(seconds))


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a process of clients did not finish")
    return line
