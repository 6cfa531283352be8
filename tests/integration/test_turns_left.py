"""No turn is left running whose harness is gone: a real core on its sockets, told by harnesses that end in a turn."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from hive_agent.harness.link import Link
from hive_agent.harness.outbox import Outbox
from hive_agent.harness.spool import Spool
from hive_base.clock import SystemClock
from hive_base.paths import RunPaths
from hive_base.tasks import alongside
from hive_core.containers.models import unit_of
from hive_rpc.client import Client, connect
from hive_rpc.interfaces.agent import Agent, HelloRequest, PushEventsRequest
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import EventsRequest, TurnStatsRequest, WatchRequest
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_rpc.types import Event, EventKind, Turn, TurnOutcome
from tests.support.core_process import core_process
from tests.support.whole_core import whole_core

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="core's sockets belong to root")

CLOCK = SystemClock()
STARTED, ENDED = EventKind.TURN_STARTED, EventKind.TURN_ENDED
Told: TypeAlias = tuple[EventKind, str | None, TurnOutcome | None]


def start(turn: str) -> Event:
    made = Turn(id=turn, started_at=CLOCK.now())
    return Event(kind=STARTED, at=CLOCK.now(), sequence=1, turn_id=turn, turn=made)


def told(event: Event) -> Told:
    return event.kind, event.turn_id, event.turn.outcome if event.turn else None


async def hello(line: Client, instance: str) -> None:
    await line.proxy(Agent).hello(HelloRequest(instance=instance))


async def push(line: Client, event: Event) -> None:
    await line.proxy(Agent).push_events(PushEventsRequest(events=[event]))


async def running(run: RunPaths) -> int:
    async with connect(run.operator_socket) as shell:
        return (await shell.proxy(Operator).stats(TurnStatsRequest(agent="ada", since_seconds=3600))).total.running


async def history(run: RunPaths) -> list[Told]:
    """What the timeline has of turns."""
    async with connect(run.operator_socket) as shell:
        events = (await shell.proxy(Operator).events(EventsRequest(agent="ada"))).events
    return [told(event) for event in events if event.turn is not None]


@asynccontextmanager
async def watched(run: RunPaths) -> AsyncIterator[AsyncIterator[Told]]:
    """What those who watch are told of turns from now on."""
    async with connect(run.operator_socket) as shell:
        replies = shell.proxy(Operator).watch(WatchRequest(agent="ada"))
        await anext(replies)
        yield (told(event) async for reply in replies for event in reply.events if event.turn is not None)


async def test_a_hello_ends_what_another_instance_began_also_when_core_was_killed_in_between(tmp_path: Path) -> None:
    async with core_process(tmp_path, ["ada"]) as core:
        await core.start()
        async with connect(core.run.core_socket("ada")) as line:
            await hello(line, "one")
            await push(line, start("t1"))
        await core.kill()
        await core.start()
        async with connect(core.run.core_socket("ada")) as line:
            await hello(line, "one")
            assert await running(core.run) == 1, "core was away, and the harness was not"
        await core.kill()
        await core.start()
        async with connect(core.run.core_socket("ada")) as line, watched(core.run) as turns:
            await hello(line, "two")
            assert await anext(turns) == (ENDED, "t1", TurnOutcome.CRASHED)
            assert await running(core.run) == 0
            assert await history(core.run) == [(STARTED, "t1", None), (ENDED, "t1", TurnOutcome.CRASHED)]


async def test_a_start_that_comes_after_the_next_hello_is_ended_and_the_next_one_s_turn_goes_on(tmp_path: Path) -> None:
    async with core_process(tmp_path, ["ada"]) as core:
        await core.start()
        path = core.run.core_socket("ada")
        async with connect(path) as one, connect(path) as two:
            await hello(one, "one")
            await hello(two, "two")
            await push(two, start("t2"))
            await push(one, start("t1"))
            assert await running(core.run) == 1
            assert await history(core.run) == [
                (STARTED, "t2", None),
                (STARTED, "t1", None),
                (ENDED, "t1", TurnOutcome.CRASHED),
            ]


async def test_a_start_in_the_spool_of_a_harness_that_died_is_told_with_its_end(tmp_path: Path) -> None:
    async with core_process(tmp_path, ["ada"]) as core:
        spool = Spool(tmp_path / "events.jsonl")
        await spool.append([start("t1")], wanted=[])
        await core.start()
        link = Link(core.run.core_socket("ada"), HelloRequest(instance="two"), clock=CLOCK)
        outbox = Outbox(link, spool, CLOCK)
        async with watched(core.run) as turns, alongside(outbox.run()):
            assert await anext(turns) == (STARTED, "t1", None)
            assert await anext(turns) == (ENDED, "t1", TurnOutcome.CRASHED)
        await link.close()
        assert await running(core.run) == 0
        assert await history(core.run) == [(STARTED, "t1", None), (ENDED, "t1", TurnOutcome.CRASHED)]


@pytest.mark.parametrize("how", ["killed", "shut down", "stopped", "destroyed"])
async def test_the_end_of_a_container_ends_the_turn_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async with whole_core(tmp_path, monkeypatch) as core, connect(core.run.operator_socket) as shell:
        operator = shell.proxy(Operator)
        await operator.spawn(SpawnRequest(name="ada"))
        unit = unit_of((await operator.status(OperatorRequest())).agents[0].machine)
        async with connect(core.run.core_socket("ada")) as line, watched(core.run) as turns:
            await hello(line, "instance-1")
            await push(line, start("t1"))
            assert await anext(turns) == (STARTED, "t1", None)
            assert await running(core.run) == 1
            match how:
                case "killed":
                    core.systemd.is_killed(unit)
                case "shut down":
                    core.systemd.change(unit, ActiveState="inactive", SubState="dead", ExecMainCode=1)
                case "stopped":
                    await operator.stop(AgentRequest(name="ada"))
                case "destroyed":
                    await operator.destroy(AgentRequest(name="ada"))
            assert await anext(turns) == (ENDED, "t1", TurnOutcome.CRASHED)
        assert await running(core.run) == 0


async def test_the_end_of_a_container_while_core_was_away_ends_the_turn_in_it(tmp_path: Path) -> None:
    async with core_process(tmp_path, ["ada"], running=[]) as core:
        await core.start()
        async with connect(core.run.core_socket("ada")) as line:
            await hello(line, "one")
            await push(line, start("t1"))
            assert await running(core.run) == 1
            await core.kill()
        await core.start()
        assert await history(core.run) == [(STARTED, "t1", None), (ENDED, "t1", TurnOutcome.CRASHED)]
        assert await running(core.run) == 0
