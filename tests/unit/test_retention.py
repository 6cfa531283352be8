"""What is old goes, in small steps; what is not delivered never does."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hive_core.broker import Broker, History, Policy
from hive_core.events import Events, Hub
from hive_core.events.quota import EventPolicy
from hive_core.metrics import Metrics
from hive_core.operators.audit import Actor, Audit
from hive_core.questions import Questions
from hive_core.rates import Rate
from hive_core.reminders import Reminders
from hive_core.retention import Retention
from hive_core.retention.retention import LONGEST_HOLD, Swept
from hive_core.store import Database, to_ms
from hive_rpc.dialogue import AskParameters
from hive_rpc.interfaces.agent import RemindRequest
from hive_rpc.types import OPERATOR, Event, EventKind, Turn
from tests.support.manual_clock import ManualClock

AGENTS = ("worker", "writer")
DAY = 86400.0


class InstantClock(ManualClock):
    """Time moves while one sleeps: nobody else is there to move it."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed += seconds


@pytest.fixture
def clock() -> InstantClock:
    return InstantClock()


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
async def events_database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "events.sqlite", "events") as database:
        yield database


@pytest.fixture
async def broker(core: Database, clock: InstantClock) -> Broker:
    policy = Policy(max_attempts=1, lease_seconds=100 * DAY, send_rate=Rate(1e9, 1e9))
    broker = Broker(core, clock, lambda: AGENTS, policy=policy)
    for agent in AGENTS:
        await broker.hello(agent, f"{agent}-1")
    return broker


@pytest.fixture
def swept() -> list[Swept]:
    return []


@pytest.fixture
def retention(core: Database, events_database: Database, clock: InstantClock, swept: list[Swept]) -> Retention:
    return Retention(core, events_database, clock, swept=swept.append)


async def acked(broker: Broker, body: str) -> str:
    sent = await broker.send("writer", "worker", body)
    await broker.receive("worker", None, limit=100)
    await broker.ack("worker", None, [sent])
    return sent


async def bodies(core: Database) -> list[str]:
    page = await History(core).page(limit=200)
    return [m.body for m in page.messages]


async def test_a_message_goes_thirty_days_after_its_ack(
    broker: Broker, core: Database, retention: Retention, clock: InstantClock
) -> None:
    await acked(broker, "old")
    await broker.send("worker", OPERATOR, "told the operator")
    await clock.advance(29 * DAY)
    await acked(broker, "new")
    await retention.sweep()
    assert await bodies(core) == ["old", "told the operator", "new"]
    await clock.advance(2 * DAY)
    await retention.sweep()
    assert await bodies(core) == ["new"]


async def test_what_is_not_delivered_never_goes(
    broker: Broker, core: Database, retention: Retention, clock: InstantClock
) -> None:
    leased = await broker.send("writer", "worker", "leased")
    await broker.receive("worker", None)
    await broker.send("worker", "writer", "dead")
    [dead] = await broker.receive("writer", None)
    await broker.nack("writer", None, [dead.id], "no")
    await broker.send("writer", "worker", "waiting")
    await clock.advance(80 * DAY)
    await retention.sweep()
    assert await bodies(core) == ["leased", "dead", "waiting"]
    assert await broker.ack("worker", None, [leased]) == [leased]


async def test_a_message_that_went_is_not_found_by_its_words(
    broker: Broker, core: Database, retention: Retention, clock: InstantClock
) -> None:
    history = History(core)
    await acked(broker, "the needle")
    assert len((await history.search("needle")).messages) == 1
    await acked(broker, "another needle, which was never indexed")
    await clock.advance(31 * DAY)
    await broker.send("writer", "worker", "a needle that stays")
    await retention.sweep()
    assert [m.body for m in (await history.search("needle")).messages] == ["a needle that stays"]
    check = "INSERT INTO message_words (message_words) VALUES ('integrity-check')"
    await core.write(lambda c: c.execute(check).rowcount)


async def test_events_go_after_two_weeks_turns_after_ninety_days_and_watchers_are_told(
    events_database: Database, retention: Retention, clock: InstantClock
) -> None:
    hub = Hub(events_database)
    events = Events(events_database, clock, hub)
    turn = Turn(id="t1", started_at=clock.now())
    await events.push("worker", "i1", [Event(kind=EventKind.TURN_STARTED, at=clock.now(), sequence=1, turn=turn)])
    await clock.advance(15 * DAY)
    await events.push("worker", "i1", [Event(kind=EventKind.TEXT, at=clock.now(), sequence=2, text="new")])
    await retention.sweep()
    assert [e.text for e in (await events.page("worker")).events] == ["new"]
    assert await events.last_turn("worker") == turn
    assert (await anext(hub.watch(after=0))).reset
    assert not (await anext(hub.watch(after=1))).reset
    await clock.advance(80 * DAY)
    await retention.sweep()
    assert await events.last_turn("worker") is None
    kept = await events_database.read(lambda c: c.execute("SELECT sum(bytes) FROM event_bytes").fetchone()[0])
    assert kept == 0


async def test_ended_questions_and_reminders_go_after_half_a_year_and_open_ones_stay(
    broker: Broker, core: Database, retention: Retention, clock: InstantClock
) -> None:
    questions = Questions(core, clock, broker)
    reminders = Reminders(core, clock, lambda: AGENTS, broker.announce)
    ended = await questions.ask("worker", AskParameters(question="?"))
    await questions.cancel(ended.id, "worker")
    await reminders.remind("worker", RemindRequest(message="x", in_seconds=0))
    await reminders.deliver()
    await reminders.remind("worker", RemindRequest(message="far", in_seconds=300 * DAY))
    await clock.advance(181 * DAY)
    still_open = await questions.ask("worker", AskParameters(question="?"))
    await retention.sweep()
    assert [q.id for q in await questions.page(everything=True)] == [still_open.id]
    assert [r.message for r in (await reminders.page(everything=True)).reminders] == ["far"]
    assert (await reminders.rollup(365 * DAY)).agents == []


async def test_the_file_shrinks_and_no_batch_holds_the_lock_for_long(
    broker: Broker, core: Database, retention: Retention, clock: InstantClock, swept: list[Swept]
) -> None:
    body = "words that fill a page or two " * 100
    for _ in range(30):
        for _ in range(20):
            await broker.send("writer", OPERATOR, body)
    await History(core).index()
    before = await core.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await clock.advance(31 * DAY)
    await retention.sweep()
    after = await core.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    assert after < before / 4
    by_name = {s.what: s for s in swept}
    assert by_name["messages"].rows == 600
    assert by_name["free_pages"].rows > 300


async def test_a_batch_ends_before_it_holds_the_lock_too_long_however_long_a_row_takes(
    broker: Broker, core: Database, events_database: Database, clock: InstantClock, swept: list[Swept]
) -> None:
    for number in range(20):
        await broker.send("writer", OPERATOR, f"number {number}")
    await clock.advance(31 * DAY)
    moment = 0.0

    def timer() -> float:
        # Whenever it is looked at, a row more has been deleted.
        nonlocal moment
        moment += 0.011
        return moment

    commits = core.commits
    await Retention(core, events_database, clock, timer=timer, swept=swept.append).sweep()
    (messages,) = (s for s in swept if s.what == "messages")
    assert messages.rows == 20
    assert messages.longest_hold < LONGEST_HOLD
    assert core.commits - commits >= 20 // 3


async def test_the_audit_log_loses_only_what_is_older_than_two_years_and_nobody_else_may_delete_from_it(
    core: Database, events_database: Database, retention: Retention, clock: InstantClock
) -> None:
    actor, now = Actor("ada", "web.sock"), datetime.now(UTC)
    retention_now = clock.now()
    for age, target in ((800, "old"), (700, "kept"), (0, "new")):
        at = retention_now - timedelta(days=age)
        await core.write(lambda c, at=at, target=target: Audit.record(c, at, actor, "send", target))
    await retention.sweep()
    assert [row.target for row in (await Audit(core).page()).rows] == ["new", "kept"]
    await core.write(lambda c: Audit.record(c, now, actor, "send", "of today"))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await core.write(lambda c: c.execute("DELETE FROM audit WHERE target = 'of today'").rowcount)


async def test_a_session_goes_when_it_has_ended(core: Database, retention: Retention, clock: InstantClock) -> None:
    def add(connection: sqlite3.Connection, name: str, expires_at: int) -> None:
        connection.execute("INSERT OR IGNORE INTO operators (name, role, created_at) VALUES ('ada', 'viewer', 0)")
        connection.execute(
            "INSERT INTO sessions (token_hash, id, operator, created_at, seen_at, expires_at) "
            "VALUES (?, ?, 'ada', 0, 0, ?)",
            (name.encode(), name, expires_at),
        )

    now = to_ms(clock.now())
    await core.write(lambda c: add(c, "ended", now - 1))
    await core.write(lambda c: add(c, "lives", now + 1))
    await retention.sweep()
    assert await core.read(lambda c: [row["id"] for row in c.execute("SELECT id FROM sessions")]) == ["lives"]


async def test_metrics_tell_what_is_there_and_what_was_swept(
    broker: Broker, core: Database, events_database: Database, clock: InstantClock
) -> None:
    metrics = Metrics(core, {"core": core, "events": events_database}, clock)
    await broker.send("writer", "worker", "waiting")
    await broker.send("worker", "writer", "leased")
    await broker.receive("writer", None)
    await clock.advance(60)
    metrics.swept(Swept("messages", 7, LONGEST_HOLD))
    reminders = Reminders(core, clock, lambda: ("worker",), broker.announce, attempted=metrics.reminded)
    for agent in AGENTS:
        await reminders.remind(agent, RemindRequest(message="x", in_seconds=0))
    await reminders.deliver()
    policy = EventPolicy(byte_rate=Rate(burst=1, per_second=0.001))
    events = Events(events_database, clock, Hub(events_database), policy, dropped=metrics.dropped)
    for number in range(1, 3):
        too_much = Event(kind=EventKind.TEXT, at=clock.now(), sequence=number, text="too much")
        await events.push("worker", "i1", [too_much])
    lines = (await metrics.text()).splitlines()
    assert 'hive_messages{state="ready"} 2.0' in lines
    assert 'hive_reminders_total{outcome="delivered"} 1.0' in lines
    assert 'hive_reminders_total{outcome="failed"} 1.0' in lines
    assert 'hive_events_dropped_total{why="rate"} 1.0' in lines
    assert 'hive_messages{state="leased"} 1.0' in lines
    assert "hive_oldest_waiting_seconds 60.0" in lines
    assert 'hive_swept_rows_total{what="messages"} 7.0' in lines
    assert any(line.startswith('hive_database_commits{database="core"}') for line in lines)
