"""A reminder arrives when it is due, once, whatever happened in between."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.broker import Broker
from hive_core.operators import Actor, Audit
from hive_core.rates import Rate
from hive_core.reminders import ReminderPolicy, Reminders
from hive_core.store import Database
from hive_rpc.dialogue import Reminder, ReminderState
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError, RateLimitedError, TooLargeError
from hive_rpc.interfaces.agent import RemindRequest
from tests.support.manual_clock import ManualClock

ROOT = Actor("root", "operator.sock")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
def agents() -> set[str]:
    return {"worker", "writer"}


@pytest.fixture
async def broker(database: Database, clock: ManualClock, agents: set[str]) -> Broker:
    broker = Broker(database, clock, lambda: agents)
    for agent in agents:
        await broker.hello(agent, f"{agent}-1")
    return broker


@pytest.fixture
def reminders(database: Database, clock: ManualClock, agents: set[str], broker: Broker) -> Reminders:
    return Reminders(database, clock, lambda: agents, broker.announce)


async def once(reminders: Reminders, seconds: float = 60, message: str = "water the plants") -> Reminder:
    return await reminders.remind("worker", RemindRequest(message=message, in_seconds=seconds))


async def received(broker: Broker, agent: str = "worker") -> list[str]:
    messages = await broker.receive(agent, None, limit=100)
    await broker.ack(agent, None, [m.id for m in messages])
    return [m.body.splitlines()[-1] for m in messages]


async def test_it_comes_when_it_is_due_and_once(reminders: Reminders, broker: Broker, clock: ManualClock) -> None:
    reminder = await once(reminders)
    await clock.advance(59)
    assert await reminders.deliver() == reminder.due_at
    assert await received(broker) == []
    await clock.advance(1)
    assert await reminders.deliver() is None
    [message] = await broker.receive("worker", None)
    assert message.sender == "hive"
    assert reminder.id in message.body
    assert message.body.endswith("water the plants")
    await reminders.deliver()
    assert await received(broker) == []


async def test_setting_it_again_with_the_same_key_is_the_same_reminder(reminders: Reminders, broker: Broker) -> None:
    first = await reminders.remind("worker", RemindRequest(message="x", in_seconds=0, key="k"))
    assert await reminders.remind("worker", RemindRequest(message="x", in_seconds=0, key="k")) == first
    await reminders.deliver()
    assert (await reminders.remind("worker", RemindRequest(message="x", in_seconds=0, key="k"))).state == "delivered"
    await reminders.deliver()
    assert len(await broker.receive("worker", None)) == 1


async def test_the_task_sleeps_until_the_next_one_also_when_an_earlier_one_is_set(
    reminders: Reminders, broker: Broker, clock: ManualClock
) -> None:
    background = asyncio.ensure_future(reminders.run())
    await once(reminders, 1000, "later")
    await once(reminders, 10, "sooner")
    waiting = asyncio.ensure_future(broker.receive("worker", None, wait_seconds=60))
    await clock.advance(10)
    assert [m.body.splitlines()[-1] for m in await waiting] == ["sooner"]
    background.cancel()


async def test_one_that_repeats_fires_once_after_a_downtime_and_keeps_its_rhythm(
    reminders: Reminders, broker: Broker, clock: ManualClock
) -> None:
    await reminders.remind("worker", RemindRequest(message="hourly", every_seconds=3600))
    await clock.advance(3600 * 10 + 5)
    next_due = await reminders.deliver()
    assert await received(broker) == ["hourly"]
    assert next_due is not None
    assert (next_due - clock.now()).total_seconds() == 3595
    await clock.advance(3595)
    await reminders.deliver()
    assert await received(broker) == ["hourly"]


async def test_one_that_repeats_does_not_heap_up_while_nobody_reads_it(
    reminders: Reminders, broker: Broker, clock: ManualClock
) -> None:
    await reminders.remind("worker", RemindRequest(message="every minute", every_seconds=60))
    for _ in range(1000):
        await clock.advance(60)
        await reminders.deliver()
    assert await broker.unread("worker") == 1
    assert await received(broker) == ["every minute"]
    await clock.advance(60)
    await reminders.deliver()
    assert await received(broker) == ["every minute"], "what is read comes again"


async def test_one_that_repeats_is_short(reminders: Reminders) -> None:
    await reminders.remind("worker", RemindRequest(message="x" * 10_000, in_seconds=60))
    with pytest.raises(TooLargeError, match="repeated reminder"):
        await reminders.remind("worker", RemindRequest(message="x" * 10_000, every_seconds=60))


async def test_core_dying_between_two_deliveries_neither_loses_nor_doubles(
    database: Database, reminders: Reminders, broker: Broker, clock: ManualClock, agents: set[str]
) -> None:
    await once(reminders)
    await clock.advance(86400)
    for _ in range(2):
        await Reminders(database, clock, lambda: agents, broker.announce).deliver()
    assert await received(broker) == ["water the plants"]


async def test_a_great_many_that_are_due_are_delivered_in_batches(
    database: Database, broker: Broker, clock: ManualClock, agents: set[str]
) -> None:
    plenty = ReminderPolicy(max_pending=1000, rate=Rate(burst=1000, per_second=1))
    reminders = Reminders(database, clock, lambda: agents, broker.announce, plenty)
    for n in range(250):
        await once(reminders, n / 1000, str(n))
    await clock.advance(60)
    rounds = 1
    while await reminders.deliver() is not None:
        rounds += 1
    assert rounds == 3
    bodies = [b for _ in range(3) for b in await received(broker)]
    assert bodies == [str(n) for n in range(250)]


async def test_an_agent_that_is_gone_makes_it_fail_and_it_can_be_tried_again(
    reminders: Reminders, broker: Broker, clock: ManualClock, agents: set[str]
) -> None:
    reminder = await once(reminders)
    await clock.advance(60)
    agents.discard("worker")
    await reminders.deliver()
    [failed] = (await reminders.page(everything=True)).reminders
    assert (failed.state, failed.error) == (ReminderState.FAILED, "There is no agent worker any more.")
    agents.add("worker")
    retried = await reminders.retry(reminder.id, actor=ROOT)
    assert retried.state is ReminderState.PENDING
    await reminders.deliver()
    assert await received(broker) == ["water the plants"]


async def test_the_rollup_counts_attempts_deliveries_and_failures(
    reminders: Reminders, clock: ManualClock, agents: set[str]
) -> None:
    await once(reminders)
    await reminders.remind("writer", RemindRequest(message="x", in_seconds=60))
    await clock.advance(60)
    agents.discard("writer")
    await reminders.deliver()
    counts = (await reminders.rollup(3600)).agents
    assert [(c.agent, c.attempted, c.delivered, c.failed) for c in counts] == [("worker", 1, 1, 0), ("writer", 1, 0, 1)]
    assert [c.agent for c in (await reminders.rollup(3600, "worker")).agents] == ["worker"]
    await clock.advance(7200)
    assert (await reminders.rollup(3600)).agents == []


async def test_a_cancelled_one_never_comes(reminders: Reminders, broker: Broker, clock: ManualClock) -> None:
    reminder = await once(reminders)
    assert (await reminders.cancel(reminder.id, owner="worker")).state is ReminderState.CANCELLED
    await clock.advance(60)
    await reminders.deliver()
    assert await received(broker) == []
    with pytest.raises(ConflictError, match="cancelled"):
        await reminders.cancel(reminder.id)


async def test_an_agent_cannot_touch_anothers(reminders: Reminders, database: Database) -> None:
    reminder = await once(reminders)
    for verb in (reminders.cancel, reminders.retry):
        with pytest.raises(NotFoundError):
            await verb(reminder.id, owner="writer")
        with pytest.raises(NotFoundError):
            await verb("rem_nothing", owner="writer")
    await reminders.cancel(reminder.id, actor=ROOT)
    [row] = (await Audit(database).page()).rows
    assert (row.who, row.action, row.target) == ("root", "cancel_reminder", reminder.id)


async def test_pending_ones_are_listed_by_due_time(reminders: Reminders) -> None:
    late, early = await once(reminders, 100), await once(reminders, 50)
    assert [r.id for r in (await reminders.page("worker")).reminders] == [early.id, late.id]
    assert (await reminders.page("writer")).reminders == []


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"in_seconds": 1, "at": "2026-01-02T00:00:00Z"},
        {"at": "2025-01-01T00:00:00Z"},
        {"at": "2028-01-01T00:00:00Z"},
        {"in_seconds": 1e300},
        {"every_seconds": 59},
        {"every_seconds": 1e300},
        {"in_seconds": 1, "message": " "},
    ],
)
async def test_what_makes_no_sense_is_refused(reminders: Reminders, request_: dict[str, object]) -> None:
    with pytest.raises(InvalidError):
        await reminders.remind("worker", RemindRequest.model_validate({"message": "x", **request_}))


async def test_limits_say_what_to_do(reminders: Reminders, clock: ManualClock) -> None:
    with pytest.raises(TooLargeError) as refused:
        await once(reminders, message="x" * 20_000)
    assert "file" in refused.value.hint
    for _ in range(20):
        await once(reminders)
    with pytest.raises(RateLimitedError) as limited:
        await once(reminders)
    assert limited.value.retry_after == 30
    for _ in range(80):
        await clock.advance(30)
        await reminders.remind("worker", RemindRequest(message="x", in_seconds=86400))
    await clock.advance(30)
    with pytest.raises(ConflictError, match="100 pending"):
        await once(reminders)
