"""SIGKILL of the whole core under load, seen from its sockets: senders and harnesses go on when it is back.

What was acknowledged is there, what was acked is gone and never comes back, and no harness is handed what it has.
"""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hive_agent.harness.link import Link
from hive_base.clock import SystemClock
from hive_core.store import Database
from hive_rpc.client import connect
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.agent import HelloRequest, IdsRequest, ReceiveRequest
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.messages import OperatorSendRequest
from tests.support.core_process import CoreProcess, core_process

AGENTS = ["a", "b", "c", "d"]
ROUNDS = 20
SENDERS = 12
"""With a harness for each agent, 16 clients."""
SENDS, ACKS = 30, 10
"""At least so many before a kill, in every second round each."""

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="core's sockets belong to root")


@dataclass
class Told:
    """What core has said to its clients."""

    sent: dict[str, str] = field(default_factory=dict)
    """Body by id."""
    acked: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    """Handed to a harness that has it or was done with it."""
    grew: asyncio.Event = field(default_factory=asyncio.Event)


async def sender(core: CoreProcess, number: int, told: Told) -> None:
    """Sends one message after the other, each until it is acknowledged, under a key of its own."""
    count = 0
    while True:
        try:
            async with connect(core.run.operator_socket) as client:
                operator = client.proxy(Operator)
                while True:
                    key = f"{number}/{count}"
                    request = OperatorSendRequest(to=AGENTS[count % len(AGENTS)], body=key, key=key)
                    told.sent[(await operator.send(request)).id] = key
                    told.grew.set()
                    count += 1
        except UnavailableError:
            await asyncio.sleep(0.02)


async def harness(core: CoreProcess, agent: str, told: Told) -> None:
    """Receives, keeps some for a while, acks; an ack is repeated until it is answered, as the harness does it."""
    link = Link(core.run.core_socket(agent), HelloRequest(instance=f"harness-{agent}"), clock=SystemClock())
    held: list[str] = []
    done: set[str] = set()
    while True:
        receiving = ReceiveRequest(wait_seconds=1, max=5, held=list(held))
        messages = (await link.call(lambda core, asking=receiving: core.receive(asking))).messages  # type: ignore[misc]
        told.twice += [m.id for m in messages if m.id in held or m.id in done]
        held += [m.id for m in messages if m.id not in held]
        finished = [i for i in held if random.random() < 0.7]
        acking = IdsRequest(ids=finished)
        acked = (await link.call(lambda core, asking=acking: core.ack(asking))).acked  # type: ignore[misc]
        assert acked == finished
        held = [i for i in held if i not in finished]
        done |= set(acked)
        told.acked |= set(acked)
        told.grew.set()


async def rounds(core: CoreProcess, told: Told) -> None:
    """Each lets core say so much more, in turn by sends and by acks, and kills it in the middle of the next."""
    for number in range(ROUNDS):
        await core.start()
        said, more = (told.sent, SENDS) if number % 2 else (told.acked, ACKS)
        enough = len(said) + random.randrange(more, 2 * more)
        while len(said) < enough:
            told.grew.clear()
            await told.grew.wait()
        await core.kill()


async def states(path: Path) -> Sequence[tuple[str, str, str]]:
    async with Database(path, "core") as database:
        query = "SELECT id, body, state FROM messages JOIN deliveries USING (seq)"
        assert await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
        return await database.read(lambda c: [tuple(row) for row in c.execute(query)])


@pytest.mark.timeout(300)
async def test_a_core_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    told = Told()
    async with core_process(tmp_path, AGENTS) as core:
        clients = [sender(core, number, told) for number in range(SENDERS)]
        clients += [harness(core, agent, told) for agent in AGENTS]
        tasks = [asyncio.create_task(client) for client in clients]
        killing = asyncio.create_task(rounds(core, told))
        done, _ = await asyncio.wait([killing, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in [killing, *tasks]:
            task.cancel()
        await asyncio.wait([killing, *tasks])
        for task in done:
            task.result()
        assert done == {killing}
        found = {i: (body, state) for i, body, state in await states(core.state.core_database)}
    assert [i for i, body in told.sent.items() if found.get(i, ("", ""))[0] != body] == [], "acknowledged, and lost"
    assert [i for i in told.acked if found[i][1] != "done"] == [], "acked, and still waiting"
    assert len({body for body, _ in found.values()}) == len(found), "one send, two messages"
    assert told.twice == [], "handed to a harness that has it"
