"""What an agent pushes is bounded, and what is dropped leaves a mark that says how much."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.events import EventPolicy, Events, Hub
from hive_core.rates import Rate
from hive_core.store import Database
from hive_rpc.types import AgentState, Event, EventKind, StateChange, Turn
from tests.support.manual_clock import ManualClock

PLENTY = Rate(burst=1e12, per_second=1e12)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "events.sqlite", "events") as database:
        yield database


def store(database: Database, clock: ManualClock, **policy: object) -> Events:
    return Events(database, clock, Hub(database), EventPolicy(**policy))  # type: ignore[arg-type]


def text(clock: ManualClock, sequence: int, size: int = 1000) -> Event:
    return Event(kind=EventKind.TEXT, at=clock.now(), sequence=sequence, text="x" * size)


async def texts(events: Events, agent: str = "worker") -> list[str]:
    return [e.text or e.kind for e in (await events.page(agent)).events]


async def test_over_the_rate_events_are_dropped_and_marked_before_the_next_one(
    database: Database, clock: ManualClock
) -> None:
    events = store(database, clock, byte_rate=Rate(burst=3000, per_second=100))
    for n in range(1, 7):
        assert await events.push("worker", "i1", [text(clock, n)]) == n, "the harness need not keep it"
    await events.push("writer", "i1", [text(clock, 1)])
    assert len(await texts(events)) == 2
    assert len(await texts(events, "writer")) == 1, "another agent has a rate of its own"
    await clock.advance(60)
    await events.push("worker", "i1", [text(clock, 7)])
    *_, mark, last = await texts(events)
    assert re.fullmatch(r"\[dropped: 4 events with 4\d\d\d bytes, because they came faster .*\]", mark)
    assert last == "x" * 1000
    await clock.advance(60)
    await events.push("worker", "i1", [text(clock, 8)])
    assert len(await texts(events)) == 5, "the mark is set once"


async def test_the_reports_of_turns_are_kept_when_all_else_is_over_the_rate(
    database: Database, clock: ManualClock
) -> None:
    events = store(database, clock, byte_rate=Rate(burst=1000, per_second=1), turn_rate=Rate(burst=2, per_second=1))
    await events.push("worker", "i1", [text(clock, 1, 900), text(clock, 2)])
    ended = [
        Event(kind=EventKind.TURN_ENDED, at=clock.now(), sequence=n, turn=Turn(id=f"t{n}", started_at=clock.now()))
        for n in range(3, 7)
    ]
    await events.push("worker", "i1", [text(clock, 10), *ended])
    kinds = [e.kind for e in (await events.page("worker")).events]
    assert kinds == ["text", "text", "notice", "turn_ended", "turn_ended"]
    turn = await events.last_turn("worker")
    assert turn is not None
    assert turn.id == "t4"


async def test_the_reports_of_turns_have_a_rate_of_their_own_when_nothing_else_is_over_one(
    database: Database, clock: ManualClock
) -> None:
    events = store(database, clock, byte_rate=PLENTY, turn_rate=Rate(burst=2, per_second=1))
    ended = [
        Event(kind=EventKind.TURN_ENDED, at=clock.now(), sequence=n, turn=Turn(id=f"t{n}", started_at=clock.now()))
        for n in range(1, 6)
    ]
    await events.push("worker", "i1", [*ended, text(clock, 6)])
    kinds = [e.kind for e in (await events.page("worker")).events]
    assert kinds.count(EventKind.TURN_ENDED) == 2
    assert EventKind.TEXT in kinds


async def test_beyond_the_quota_the_oldest_go_and_the_newest_stay(database: Database, clock: ManualClock) -> None:
    events = store(database, clock, byte_rate=PLENTY, quota_bytes=100_000)
    await events.push("writer", "i1", [text(clock, 1)])
    for n in range(1, 301):
        await events.push("worker", "i1", [text(clock, n)])
    kept = await database.read(
        lambda c: c.execute(
            "SELECT sum(length(CAST(event AS BLOB))), max(sequence) FROM events WHERE agent = 'worker'"
        ).fetchone()
    )
    assert kept[0] <= 102_000
    assert kept[1] == 300
    counted = await database.read(lambda c: dict(c.execute("SELECT agent, bytes FROM event_bytes").fetchall()))
    assert counted["worker"] == kept[0]
    assert len(await texts(events, "writer")) == 1
    marks = [t for t in await texts(events) if t.startswith("[dropped")]
    assert all("to keep within its quota" in mark for mark in marks)
    assert marks


async def test_what_core_tells_of_an_agent_is_within_its_quota_too(database: Database, clock: ManualClock) -> None:
    events = store(database, clock, quota_bytes=20_000, byte_rate=PLENTY)
    for n in range(200):
        events.tell_state("worker", StateChange(state=AgentState.IDLE, since=clock.now(), reason=f"{n} {'x' * 1000}"))
        await asyncio.sleep(0)
    await database.write(lambda c: None)  # behind what was told
    kept = (await events.page("worker", limit=500)).events
    assert sum(len(e.state.reason or "") for e in kept if e.state is not None) < 22_000
    assert kept[-1].state is not None
    assert (kept[-1].state.reason or "").startswith("199 "), "the oldest go"
    for n in range(1, 6):
        await events.push("worker", "i1", [text(clock, n)])
    await asyncio.sleep(0)
    await database.write(lambda c: None)
    assert any(t.startswith("[dropped: ") for t in await texts(events)), "and it is said how much"
