"""From send to receive: as fast as it goes, then at half of the highest rate, without and with a backlog.

A latency is from the begin of a send until the recipient, in another process, has the message. The peer is Redis
streams with consumer groups, through the same number of Python clients.
"""

import sqlite3
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hive_core.store.migrations import migrate
from tests.bench.figure import Figure, python
from tests.bench.redis_server import redis_server
from tests.bench.sends_load import Load, Result
from tests.bench.sends_load import run as load

CLIENTS = (1, 32, 256)
MESSAGES = 4096
ROUNDS = 3
BACKLOG = 100_000


def _figures(name: str, ours: Result, peer: Result | None) -> list[Figure]:
    return [
        Figure(f"{name}_{what}", ours.quantile(share), "s", peer=peer.quantile(share) if peer is not None else None)
        for what, share in (("median", 0.5), ("p99", 0.99))
    ]


async def _at_half(sockets: Path, name: str) -> Sequence[Figure]:
    """Several times, each at half of the rate measured just before: whatever else the machine does comes and goes."""
    taken: list[Result] = []
    for _ in range(ROUNDS):
        highest = await load(Load("hive", sockets, 32, MESSAGES, receivers=True))
        half = Load("hive", sockets, 32, MESSAGES, receivers=True, per_second=highest.per_second / 2)
        taken.append(await load(half))
    middle, last = ([one.quantile(share) for one in taken] for share in (0.5, 0.99))
    return [
        Figure(f"{name}_median", statistics.median(middle), "s"),
        Figure(f"{name}_p99", statistics.median(last), "s"),
        Figure(f"{name}_p99_by_median", statistics.median(p / m for p, m in zip(last, middle, strict=True)), ""),
    ]


def backlog(database: Path) -> None:
    """Messages that wait for agents that do not come, and as many that are done."""
    connection = sqlite3.connect(database, isolation_level=None)
    migrate(connection, "core")
    connection.execute("BEGIN")
    insert = "INSERT INTO messages (id, sender, recipient, body, sent_at) VALUES (?, 'a0', ?, 'waits', 0)"
    for number in range(BACKLOG):
        # To the recipients of the bench only what is done.
        to, state = (f"a{1 + number % 32}", "done") if number % 2 else (f"a{200 + number % 32}", "ready")
        seq = connection.execute(insert, (f"msg_{number}", to)).lastrowid
        connection.execute(
            "INSERT INTO deliveries (seq, sender, recipient, state, settled_at) VALUES (?, 'a0', ?, ?, ?)",
            (seq, to, state, 0 if state == "done" else None),
        )
    connection.execute("COMMIT")
    connection.close()


async def run() -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with python("tests.bench.sends_server", directory), redis_server(directory) as redis:
            for clients in CLIENTS:
                messages = MESSAGES if clients > 1 else MESSAGES // 4
                ours = await load(Load("hive", directory, clients, messages, receivers=True))
                peer = await load(Load("redis", redis, clients, messages, receivers=True))
                figures += _figures(f"send_to_receive_{clients}_clients", ours, peer)
                figures.append(Figure(f"delivered_{clients}_clients", ours.per_second, "1/s", peer=peer.per_second))
            figures += await _at_half(directory, "send_to_receive_half_rate")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        backlog(directory / "core.sqlite")
        async with python("tests.bench.sends_server", directory):
            figures += await _at_half(directory, "send_to_receive_half_rate_with_backlog")
            # Last: nobody receives these.
            sent = await load(Load("hive", directory, 32, MESSAGES))
            figures.append(Figure("durable_sends_32_clients_with_backlog", sent.per_second, "1/s"))
    return figures
