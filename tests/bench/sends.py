"""Durable sends per second, beside raw SQLite commits (WAL, synchronous=FULL, one row each) on the same disk."""

import asyncio
import sqlite3
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.figure import Figure, alternate, python
from tests.bench.sends_client import BODY

SENDS = 1600
ROUNDS = 3
CLIENTS = (1, 32)
PROCESSES = 4
"""Clients live in so many processes at most."""


async def _sends(path: Path, clients: int) -> float:
    processes = min(clients, PROCESSES)
    each, sends = clients // processes, SENDS // clients
    async with AsyncExitStack() as stack:
        running = []
        for _ in range(processes):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.bench.sends_client",
                *map(str, (path, each, sends)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(process.wait)
            assert process.stdout is not None
            await process.stdout.readline()
            running.append(process)
        start = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        for process in running:
            assert process.stdout is not None
            if await process.stdout.readline() != b"done\n":
                raise RuntimeError("a client did not finish its sends")
        return processes * each * sends / (time.perf_counter() - start)


def _commits(directory: Path) -> float:
    connection = sqlite3.connect(directory / "floor.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body TEXT)")
    start = time.perf_counter()
    for _ in range(SENDS):
        connection.execute("INSERT INTO rows (body) VALUES (?)", (BODY,))
    elapsed = time.perf_counter() - start
    connection.close()
    return SENDS / elapsed


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with python("tests.bench.sends_server", directory):
            floor, *rates = await alternate(
                ROUNDS,
                [
                    lambda: asyncio.to_thread(_commits, directory),
                    *(lambda n=n: _sends(directory / "core.sock", n) for n in CLIENTS),
                ],
            )
    return [
        Figure(f"durable_sends_{clients}_clients", rate, "1/s", floor=floor)
        for clients, rate in zip(CLIENTS, rates, strict=True)
    ]
