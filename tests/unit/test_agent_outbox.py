"""Live events: in order, once, bounded, and kept while core is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hive_agent.batches import first_batch
from hive_agent.harness import outbox as outboxes
from hive_agent.harness.link import Link
from hive_agent.harness.outbox import Outbox
from hive_agent.harness.spool import Spool
from hive_agent.limits import MAX_BATCH_EVENTS, MAX_BATCH_TEXT, cut, cut_utf8
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.agent import HelloRequest
from hive_rpc.types import Event, EventKind, Turn, TurnOutcome
from tests.support.agent_core import FakeAgentCore
from tests.support.manual_clock import ManualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def text(words: str) -> Event:
    return Event(kind=EventKind.TEXT, at=NOW, turn_id="t", text=words)


def delta(words: str, turn_id: str = "t") -> Event:
    return Event(kind=EventKind.TEXT_DELTA, at=NOW, turn_id=turn_id, text=words)


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[FakeAgentCore]:
    async with FakeAgentCore(tmp_path / "core.sock") as core:
        yield core


@asynccontextmanager
async def running(core: FakeAgentCore, instance: str, clock: ManualClock) -> AsyncIterator[Outbox]:
    link = Link(core.path, HelloRequest(instance=instance), clock=clock)
    outbox = Outbox(link, Spool(core.path.parent / "events.jsonl"), clock)
    work = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        work.cancel()
        await asyncio.wait([work])
        await link.close()


async def test_events_arrive_in_order_and_once(core: FakeAgentCore) -> None:
    async with running(core, "one", ManualClock()) as outbox:
        for n in range(500):
            outbox.add(text(str(n)))
        await outbox.sent()
    assert core.texts(EventKind.TEXT) == [str(n) for n in range(500)]
    assert [event.sequence for event in core.events] == list(range(1, 501))


async def test_events_wait_for_a_core_that_is_away_and_deltas_do_not(core: FakeAgentCore) -> None:
    clock = ManualClock()
    async with running(core, "one", clock) as outbox:
        outbox.add(text("before"))
        await outbox.sent()
        await core.stop()
        outbox.add(delta("fleeting"))
        outbox.add(text("meanwhile"))
        await clock.advance(3)
        await core.start()
        await core.pass_time_until(lambda: len(core.events) == 2, clock)
    assert core.texts(EventKind.TEXT) == ["before", "meanwhile"]
    assert core.texts(EventKind.TEXT_DELTA) == []


async def test_what_a_harness_leaves_when_it_dies_is_sent_by_the_next_one(core: FakeAgentCore) -> None:
    clock = ManualClock()
    spool = core.path.parent / "events.jsonl"
    await core.stop()
    async with running(core, "one", clock) as outbox:
        outbox.add(text("left"))
        await core.pass_time_until(spool.exists, clock)
    with spool.open("ab") as file:
        file.write(b'{"kind": "text", "at": "2026-')  # cut off by the death
    await core.start()
    async with running(core, "two", clock) as outbox:
        outbox.add(text("new"))
        await core.pass_time_until(lambda: len(core.events) == 2, clock)
        await core.pass_time_until(lambda: not spool.exists(), clock)
    assert sorted(core.texts(EventKind.TEXT)) == ["left", "new"]


async def test_a_turn_that_a_harness_began_and_did_not_outlive_is_ended_by_the_next_one(core: FakeAgentCore) -> None:
    clock = ManualClock()
    spool = core.path.parent / "events.jsonl"
    await core.stop()
    async with running(core, "one", clock) as outbox:
        done, left = (Turn(id=name, started_at=NOW) for name in ("done", "left"))
        outbox.add(Event(kind=EventKind.TURN_STARTED, at=NOW, turn_id="done", turn=done))
        good = done.model_copy(update={"ended_at": NOW, "outcome": TurnOutcome.OK})
        outbox.add(Event(kind=EventKind.TURN_ENDED, at=NOW, turn_id="done", turn=good))
        outbox.add(Event(kind=EventKind.TURN_STARTED, at=NOW, turn_id="left", turn=left))
        await core.pass_time_until(spool.exists, clock)
    async with running(core, "two", clock):
        # Core is still away: what it adds is kept as the rest is, and ended once.
        before = spool.stat().st_size
        await core.pass_time_until(lambda: spool.stat().st_size > before, clock)
    await core.start()
    async with running(core, "three", clock):
        await core.pass_time_until(lambda: not spool.exists(), clock)
    told = [(e.kind, e.turn_id, e.turn.outcome) for e in core.events if e.turn is not None]
    assert set(told) == {
        (EventKind.TURN_STARTED, "done", None),
        (EventKind.TURN_ENDED, "done", TurnOutcome.OK),
        (EventKind.TURN_STARTED, "left", None),
        (EventKind.TURN_ENDED, "left", TurnOutcome.CRASHED),
    }
    assert told[-1] == (EventKind.TURN_ENDED, "left", TurnOutcome.CRASHED)


async def test_a_flood_while_core_is_away_is_bounded_and_the_loss_is_told(
    core: FakeAgentCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outboxes, "MAX_EVENTS", 10)
    clock = ManualClock()
    await core.stop()
    async with running(core, "one", clock) as outbox:
        for n in range(25):
            outbox.add(text(str(n)))
        await core.start()
        await core.pass_time_until(lambda: core.texts(EventKind.NOTICE), clock)
    assert core.texts(EventKind.TEXT) == [str(n) for n in range(15, 25)]
    assert core.texts(EventKind.NOTICE) == ["15 events were lost while core was away."]


async def test_events_that_core_refuses_do_not_hold_up_the_others(core: FakeAgentCore) -> None:
    core.refuse["push_events"] = InvalidError("What is this?")
    clock = ManualClock()
    async with running(core, "one", clock) as outbox:
        outbox.add(text("refused"))
        await core.pass_time_until(lambda: not core.refuse, clock)
        outbox.add(text("fine"))
        await core.pass_time_until(lambda: core.events, clock)
    assert core.texts(EventKind.TEXT) == ["fine"]


def test_deltas_that_follow_each_other_are_one_with_the_last_sequence() -> None:
    events = [delta("Hel").model_copy(update={"sequence": 1}), delta("lo").model_copy(update={"sequence": 2})]
    (one,), taken = first_batch(events)
    assert (one.text, one.sequence, taken) == ("Hello", 2, 2)


def test_deltas_of_two_turns_or_around_another_event_stay_apart() -> None:
    batch, _ = first_batch([delta("a"), delta("b", turn_id="u"), text("c"), delta("d", turn_id="u")])
    assert [event.text for event in batch] == ["a", "b", "c", "d"]


def test_a_batch_is_bounded_in_number_and_size_but_never_empty() -> None:
    assert first_batch([text("x")] * (MAX_BATCH_EVENTS + 5))[1] == MAX_BATCH_EVENTS
    assert first_batch([text("x" * MAX_BATCH_TEXT), text("y")])[1] == 1
    assert first_batch([text("x" * (MAX_BATCH_TEXT + 1))])[1] == 1
    assert first_batch([]) == ([], 0)


def test_what_is_cut_says_so() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcdef", 4) == "abcd\n[… 2 more characters]"


@pytest.mark.parametrize("words", ["a" * 200, "ä" * 100, "€" * 70, "𝄞" * 60])
def test_what_is_cut_for_a_message_fits_and_ends_between_characters(words: str) -> None:
    short = cut_utf8(words, 150)
    assert len(short.encode()) <= 150
    assert short.endswith("[… cut, it was too long for a message]")
    assert cut_utf8(words, 1000) == words
