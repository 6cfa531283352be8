"""What is counted of turns, and over which time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from hive_core.api.operator_verbs import OperatorVerbs, Parts
from hive_core.events import Events, Hub
from hive_core.events.cutting import MAX_TOOLS, MAX_TURN
from hive_core.events.stats import MAX_REASONS, Stats
from hive_core.store import Database
from hive_rpc.codec import encode_reply
from hive_rpc.errors import NotFoundError
from hive_rpc.interfaces.operator.events import TurnStatsRequest
from hive_rpc.types import MAX_FRAME, Event, EventKind, Turn, TurnOutcome, Usage
from tests.support.manual_clock import ManualClock

DAY = 86400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "events.sqlite", "events") as database:
        yield database


@pytest.fixture
def stats(database: Database, clock: ManualClock) -> Stats:
    return Stats(database, clock)


class Turns:
    """Tells of turns as a harness does."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self._events = Events(database, clock, Hub(database))
        self._clock = clock
        self._count = 0

    async def turn(self, agent: str = "worker", ago: float = 60, **values: object) -> None:
        self._count += 1
        started = self._clock.now() - timedelta(seconds=ago)
        known = {"outcome": TurnOutcome.OK, "duration_seconds": 1.0, "ended_at": started} | values
        turn = Turn.model_validate({"id": f"turn_{self._count}", "started_at": started} | known)
        event = Event(kind=EventKind.TURN_ENDED, at=started, sequence=self._count, turn_id=turn.id, turn=turn)
        await self._events.push(agent, "one", [event])

    async def last(self) -> Turn:
        turn = await self._events.last_turn("worker")
        assert turn is not None
        return turn


@pytest.fixture
def turns(database: Database, clock: ManualClock) -> Turns:
    return Turns(database, clock)


class Verbs(OperatorVerbs):
    def __init__(self, stats: Stats) -> None:
        async def check_known(name: str) -> None:
            if name != "worker":
                raise NotFoundError(f"There is no agent {name}.")

        agents = SimpleNamespace(check_known=check_known)
        self._parts = cast(Parts, SimpleNamespace(agents=agents, stats=stats))


async def test_of_an_agent_that_there_never_was_there_are_not_even_zeros(stats: Stats) -> None:
    verbs = Verbs(stats)
    for name in ("worker", None):
        assert (await verbs.stats(TurnStatsRequest(agent=name, since_seconds=DAY))).total.turns == 0
    with pytest.raises(NotFoundError, match="ghost"):
        await verbs.stats(TurnStatsRequest(agent="ghost", since_seconds=DAY))


async def test_turns_are_summed_over_a_time(stats: Stats, turns: Turns) -> None:
    for seconds in range(1, 21):
        await turns.turn(
            duration_seconds=float(seconds),
            cost_usd=0.5,
            usage=Usage(input_tokens=10, output_tokens=1, cache_read_tokens=90),
            tools={"Bash": 2, "Read": 1},
            wake_reason="reminder" if seconds == 1 else "message",
        )
    await turns.turn(outcome=TurnOutcome.CRASHED, duration_seconds=None)
    await turns.turn(ago=2 * DAY, cost_usd=100.0)
    await turns.turn("other", cost_usd=100.0)
    total = (await stats.turns(TurnStatsRequest(agent="worker", since_seconds=DAY))).total
    assert (total.turns, total.cost_usd, total.p50_seconds, total.p95_seconds) == (21, 10.0, 10.0, 19.0)
    assert total.usage == Usage(input_tokens=200, output_tokens=20, cache_read_tokens=1800)
    assert total.outcomes == {"ok": 20, "crashed": 1}
    assert total.wake_reasons == {"message": 20, "reminder": 1}
    assert list(total.tools.items()) == [("Bash", 40), ("Read", 20)]
    assert (await stats.turns(TurnStatsRequest(since_seconds=DAY))).total.turns == 22


async def test_buckets_are_equal_parts_oldest_first(stats: Stats, turns: Turns) -> None:
    for hours in (0.5, 1.5, 1.6, 23.9):
        await turns.turn(ago=hours * 3600)
    buckets = (await stats.turns(TurnStatsRequest(since_seconds=DAY, buckets=24))).buckets
    assert [bucket.turns for bucket in buckets] == [1, *[0] * 21, 2, 1]
    assert buckets[1].since - buckets[0].since == timedelta(hours=1)


async def test_nothing_is_nothing(stats: Stats) -> None:
    reply = await stats.turns(TurnStatsRequest(since_seconds=0, buckets=3))
    assert (reply.total.turns, reply.total.p50_seconds, len(reply.buckets)) == (0, None, 3)


async def test_today_begins_at_midnight_and_knows_the_context(stats: Stats, turns: Turns, clock: ManualClock) -> None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since_midnight = (clock.now() - midnight).total_seconds()
    await turns.turn(ago=since_midnight + 1, cost_usd=5.0, context_tokens=10_000)
    await turns.turn(ago=since_midnight, cost_usd=0.25, context_tokens=12_000)
    await turns.turn(ago=0, cost_usd=0.5)
    worker, idle = (await stats.today(["worker", "idle"])).agents[::-1]
    assert (worker.turns, worker.cost_usd, worker.context_tokens) == (2, 0.75, 12_000)
    assert (idle.turns, idle.cost_usd, idle.context_tokens) == (0, 0, None)


async def test_what_an_agent_says_of_its_turns_keeps_nobody_from_counting(stats: Stats, turns: Turns) -> None:
    for number in range(600):
        tools = {f"tool {number} {more} {'x' * 30}": 1 + (more == 7) for more in range(50)}
        await turns.turn(wake_reason=f"{number} {'w' * 1500}", tools=tools, messages=[], cost_usd=1)
    asked = TurnStatsRequest(since_seconds=DAY, buckets=24)
    reply = await stats.turns(asked)
    assert len(encode_reply(reply)) < MAX_FRAME / 4
    assert (reply.total.turns, reply.total.cost_usd) == (600, 600)
    assert len(reply.total.wake_reasons) == MAX_REASONS
    last = await turns.last()
    assert len(last.tools) == MAX_TOOLS
    assert 2 in last.tools.values(), "those that it used most"
    assert len(last.model_dump_json()) <= MAX_TURN
