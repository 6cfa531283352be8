"""Durable sends per second, beside Redis streams (appendfsync always) with the same clients in Python, and beside raw
SQLite commits (WAL, synchronous=FULL, one row each) on the same disk."""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

from tests.bench.figure import Figure, alternate, python
from tests.bench.redis_server import redis_benchmark, redis_server
from tests.bench.sends_clients import PADDING
from tests.bench.sends_load import Load
from tests.bench.sends_load import run as load

SENDS = 1024
ROUNDS = 3
CLIENTS = (1, 32, 256)


def commits(directory: Path) -> float:
    connection = sqlite3.connect(directory / "floor.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body TEXT)")
    start = time.perf_counter()
    for _ in range(SENDS):
        connection.execute("INSERT INTO rows (body) VALUES (?)", (PADDING,))
    elapsed = time.perf_counter() - start
    connection.close()
    return SENDS / elapsed


async def run() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with python("tests.bench.sends_server", directory), redis_server(directory) as redis:
            for clients in CLIENTS:

                async def rate(kind: str, where: Path, clients: int = clients) -> float:
                    return (await load(Load(kind, where, clients, SENDS * min(clients, 4)))).per_second

                floor, ours, peer, in_c = await alternate(
                    ROUNDS,
                    [
                        lambda: asyncio.to_thread(commits, directory),
                        lambda: rate("hive", directory),
                        lambda: rate("redis", redis),
                        lambda n=clients: redis_benchmark(redis, n, SENDS * min(n, 4)),
                    ],
                )
                figures += [
                    Figure(f"durable_sends_{clients}_clients", ours, "1/s", floor=floor, peer=peer),
                    Figure(f"redis_benchmark_xadd_{clients}_clients", in_c, "1/s", floor=floor),
                ]
    return figures
