"""SIGKILL under load: what was acknowledged is there, what was acked is gone, and nothing is both or twice.

Run as a program, this file is the victim: senders and receivers as fast as they can, each acknowledgement on stdout.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from hive_base.clock import SystemClock
from hive_core.broker import Broker, Policy
from hive_core.rates import Rate
from hive_core.store import Database

AGENTS = ("a", "b", "c", "d")
ROUNDS = 20
CLIENTS = 16
UNLIMITED = Policy(send_rate=Rate(burst=1e9, per_second=1e9), max_unread=None)


async def victim(path: Path, instance: str) -> None:
    """Never ends. Each line is written at once: `sent <id> <number>`, `acked <id>`."""

    def say(line: str) -> None:
        os.write(1, f"{line}\n".encode())

    async def sender(broker: Broker, number: int) -> None:
        me, to = AGENTS[number % 4], AGENTS[(number + 1) % 4]
        count = 0
        while True:
            count += 1
            key = f"{instance}/{number}/{count}"
            say(f"sent {await broker.send(me, to, key, key=key)} {key}")

    async def receiver(broker: Broker, agent: str) -> None:
        await broker.hello(agent, instance)
        while True:
            for message in await broker.receive(agent, instance, wait_seconds=1, limit=3):
                if random.random() < 0.5:
                    for acked in await broker.ack(agent, instance, [message.id]):
                        say(f"acked {acked}")

    async with Database(path, "core") as database, asyncio.TaskGroup() as group:
        broker = Broker(database, SystemClock(), lambda: AGENTS, policy=UNLIMITED)
        await broker.start()
        for agent in AGENTS:
            group.create_task(receiver(broker, agent))
        for number in range(CLIENTS):
            group.create_task(sender(broker, number))


async def kill_once(path: Path, instance: str, after_lines: int) -> list[list[str]]:
    """Run the victim until it has said so many lines, kill it, and return everything that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        str(path),
        instance,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(after_lines)]
    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line.decode().split() for line in lines if line.endswith(b"\n")]


async def test_nothing_acknowledged_is_lost_and_nothing_acked_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "core.sqlite"
    sent: dict[str, str] = {}
    acked: set[str] = set()
    for number in range(ROUNDS):
        said = await kill_once(path, f"round-{number}", random.randrange(1, 400))
        sent |= {words[1]: words[2] for words in said if words[0] == "sent"}
        acked |= {words[1] for words in said if words[0] == "acked"}
    assert len(sent) > 500
    assert acked

    async with Database(path, "core") as database:
        rows = await database.read(
            lambda c: c.execute("SELECT id, body, state FROM messages JOIN deliveries USING (seq)").fetchall()
        )
        integrity = await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0])
    state = {row["id"]: row["state"] for row in rows}
    assert integrity == "ok"
    assert {i: b for i, b in sent.items() if i not in state} == {}, "acknowledged, and lost"
    assert {i for i in acked if state[i] != "done"} == set(), "acked, and still waiting"
    assert len({row["body"] for row in rows}) == len(rows), "one send, two messages"
    assert {row["body"] for row in rows if row["id"] in sent} == set(sent.values())


if __name__ == "__main__":
    asyncio.run(victim(Path(sys.argv[1]), sys.argv[2]))
