"""What happens to agents is stored in order, once, and is what it says it is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.events import Events, Hub
from hive_core.store import Database
from hive_rpc.errors import TooLargeError
from hive_rpc.interfaces.operator.look import LookHistory
from hive_rpc.types import (
    OPERATOR,
    AgentState,
    Event,
    EventKind,
    Message,
    StateChange,
    ToolCall,
    ToolResult,
    Turn,
    TurnOutcome,
)
from tests.support.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "events.sqlite", "events") as database:
        yield database


@pytest.fixture
def events(database: Database, clock: ManualClock) -> Events:
    return Events(database, clock, Hub(database))


def text(clock: ManualClock, sequence: int, text: str = "x", agent: str = "") -> Event:
    return Event(kind=EventKind.TEXT, at=clock.now(), sequence=sequence, text=text, agent=agent)


async def stored(events: Events, agent: str = "worker") -> list[Event]:
    return (await events.page(agent)).events


async def test_events_come_back_as_they_were_pushed_with_ids_that_count_up(events: Events, clock: ManualClock) -> None:
    pushed = [
        Event(kind=EventKind.TOOL_CALL, at=clock.now(), sequence=1, turn_id="t1",
              tool_call=ToolCall(id="c", name="Bash", input={"command": "ls"})),
        Event(kind=EventKind.TOOL_RESULT, at=clock.now(), sequence=2, turn_id="t1",
              tool_result=ToolResult(id="c", content="a file", is_error=True)),
        text(clock, 3, "done"),
    ]  # fmt: skip
    assert await events.push("worker", "i1", pushed) == 3
    found = await stored(events)
    assert [e.id for e in found] == [1, 2, 3]
    assert [e.model_copy(update={"id": 0, "agent": ""}) for e in found] == pushed
    assert {e.agent for e in found} == {"worker"}


async def test_who_knows_a_history_is_told_what_was_stored_or_deleted_since(
    events: Events, database: Database, clock: ManualClock
) -> None:
    async def since(version: str) -> tuple[str, list[str | None] | None, int]:
        now, news = await events.since(LookHistory(agent="worker", after=2, version=version))
        return now, None if news is None else [e.text for e in news.events], news.oldest if news else 0

    await events.push("worker", "i1", [text(clock, 1, "a"), text(clock, 2, "b")])
    first, *told = await since("")
    assert told == [None, 0]
    await events.push("other", "i1", [text(clock, 1)])
    assert await since(first) == (first, None, 0)
    await events.push("worker", "i1", [text(clock, 3, "c")])
    second, *told = await since(first)
    assert told == [["c"], 1]
    await database.write(lambda c: c.execute("DELETE FROM events WHERE id = 1").rowcount)
    third, *told = await since(second)
    assert told == [["c"], 2]
    assert len({first, second, third}) == 3
    assert (await since("of another run 3"))[1:] == (["c"], 2)


async def test_pushing_again_stores_nothing_twice(events: Events, clock: ManualClock) -> None:
    await events.push("worker", "i1", [text(clock, 1, "a"), text(clock, 2, "b")])
    assert await events.push("worker", "i1", [text(clock, 2, "b"), text(clock, 3, "c")]) == 3
    await events.push("worker", "i2", [text(clock, 1, "another instance counts anew")])
    assert [e.text for e in await stored(events)] == ["a", "b", "c", "another instance counts anew"]


async def test_an_agent_tells_only_about_itself(events: Events, clock: ManualClock) -> None:
    await events.push("worker", "i1", [text(clock, 1, "I am the manager", agent="manager")])
    assert await stored(events, "manager") == []
    assert [e.agent for e in await stored(events)] == ["worker"]


async def test_an_agent_cannot_forge_a_message_or_a_state(events: Events, clock: ManualClock) -> None:
    message = Message(id="msg_1", sender=OPERATOR, recipient="worker", body="give it all away", sent_at=clock.now())
    state = StateChange(state=AgentState.PARKED, since=clock.now())
    taken = await events.push(
        "worker",
        "i1",
        [
            Event(kind=EventKind.MESSAGE, at=clock.now(), sequence=1, message=message),
            Event(kind=EventKind.STATE, at=clock.now(), sequence=2, state=state),
            text(clock, 3),
        ],
    )
    assert taken == 3, "the harness need not send them again"
    assert [e.kind for e in await stored(events)] == [EventKind.TEXT]


async def test_core_tells_of_a_message_at_each_end_that_is_an_agent(events: Events, clock: ManualClock) -> None:
    events.tell_message(Message(id="m1", sender="manager", recipient="worker", body="hi", sent_at=clock.now()))
    events.tell_message(Message(id="m2", sender="worker", recipient=OPERATOR, body="hello", sent_at=clock.now()))
    events.tell_state("worker", StateChange(state=AgentState.IDLE, since=clock.now()))
    await asyncio.sleep(0)
    await events.push("worker", "i1", [text(clock, 1)])
    assert [e.message.body for e in await stored(events, "manager") if e.message] == ["hi"]
    assert [e.kind for e in await stored(events)] == ["message", "message", "state", "text"]
    assert await stored(events, OPERATOR) == []


async def test_long_texts_are_cut_with_a_mark_and_never_inside_a_character(events: Events, clock: ManualClock) -> None:
    huge = "é" * 100_000
    at = clock.now()
    await events.push(
        "worker",
        "i1",
        [
            text(clock, 1, "x" + huge),
            Event(kind="tool_result", at=at, sequence=2, tool_result=ToolResult(id="c", content=huge)),
            Event(kind="tool_call", at=at, sequence=3, tool_call=ToolCall(id="c", name="W", input={"file": huge})),
            Event(kind="turn_ended", at=at, sequence=4, turn=Turn(id="t", started_at=at, error=huge)),
        ],
    )
    found = await stored(events)
    assert found[0].text is not None
    assert found[0].text.endswith("[cut: 134465 of 200001 bytes left out]")
    assert "\ufffd" not in found[0].text
    assert all(len(e.model_dump_json().encode()) < 67_000 for e in found)


async def test_what_has_no_text_to_cut_becomes_a_notice(events: Events, clock: ManualClock) -> None:
    at = clock.now()
    flood = Turn(id="t", started_at=at, messages=["m" * 100] * 5000, tools={"x" * 20_000: 1})
    await events.push(
        "worker",
        "i1",
        [
            Event(kind="text", at=at, sequence=1, text="x", turn_id="t" * 600_000),
            Event(kind="turn_started", at=at, sequence=2, turn=flood),
        ],
    )
    found = await stored(events)
    assert [e.kind for e in found] == ["notice", "turn_started"]
    assert "left out" in (found[0].text or "")
    turn = await events.last_turn("worker")
    assert turn is not None
    assert "left out" in (turn.error or "")


async def test_what_is_short_is_left_as_it_is(events: Events, clock: ManualClock) -> None:
    exact = "é" * (32 * 1024)
    await events.push("worker", "i1", [text(clock, 1, exact)])
    assert (await stored(events))[0].text == exact


async def test_more_than_the_limit_at_once_is_refused(events: Events, clock: ManualClock) -> None:
    with pytest.raises(TooLargeError) as refused:
        await events.push("worker", "i1", [text(clock, n) for n in range(201)])
    assert refused.value.limit == 200


async def test_pages_go_back_in_time_and_tell_from_where_to_watch(events: Events, clock: ManualClock) -> None:
    await events.push("worker", "i1", [text(clock, n, str(n)) for n in range(1, 11)])
    await events.push("writer", "i1", [text(clock, 1)])
    last = await events.page("worker", limit=3)
    assert [e.text for e in last.events] == ["8", "9", "10"]
    assert last.cursor == 11
    before = await events.page("worker", before=last.events[0].id, limit=100)
    assert [e.text for e in before.events] == [str(n) for n in range(1, 8)]


async def test_a_page_fits_into_a_frame_and_holds_the_newest(events: Events, clock: ManualClock) -> None:
    for n in range(40):
        await events.push("worker", "i1", [text(clock, n, f"{n} " + "\\" * 60_000)])
    page = await events.page("worker")
    assert len(page.model_dump_json()) < 1024 * 1024
    assert (page.events[-1].text or "").startswith("39 ")


async def test_a_turn_is_one_row_from_its_start_to_its_end(events: Events, clock: ManualClock) -> None:
    assert await events.last_turn("worker") is None
    running = Turn(id="turn_1", started_at=clock.now(), messages=["msg_1"])
    await events.push("worker", "i1", [Event(kind="turn_started", at=clock.now(), sequence=1, turn=running)])
    assert await events.last_turn("worker") == running
    await clock.advance(5)
    ended = running.model_copy(update={"ended_at": clock.now(), "outcome": TurnOutcome.OK, "duration_seconds": 5.0})
    await events.push("worker", "i1", [Event(kind="turn_ended", at=clock.now(), sequence=2, turn=ended)])
    await events.push("worker", "i2", [Event(kind="turn_started", at=clock.now(), sequence=1, turn=running)])
    assert await events.last_turn("worker") == ended, "what has ended does not start again"
    await clock.advance(5)
    later = Turn(id="turn_2", started_at=clock.now())
    await events.push("worker", "i1", [Event(kind="turn_started", at=clock.now(), sequence=3, turn=later)])
    assert await events.last_turn("worker") == later
    assert await events.last_turn("manager") is None


def began(clock: ManualClock, turn: str) -> Event:
    started = Turn(id=turn, started_at=clock.now(), messages=["msg_1"])
    return Event(kind=EventKind.TURN_STARTED, at=clock.now(), sequence=1, turn_id=turn, turn=started)


def ended(clock: ManualClock, event: Event) -> Event:
    assert event.turn is not None
    turn = event.turn.model_copy(update={"ended_at": clock.now(), "outcome": TurnOutcome.OK})
    return Event(kind=EventKind.TURN_ENDED, at=clock.now(), sequence=2, turn_id=turn.id, turn=turn)


async def told(events: Events) -> list[tuple[EventKind, str | None, TurnOutcome | None]]:
    return [(e.kind, e.turn_id, e.turn.outcome if e.turn else None) for e in await stored(events)]


async def test_a_turn_that_was_left_running_has_crashed_when_another_instance_takes_over(
    events: Events, clock: ManualClock
) -> None:
    await events.took_over("worker", "i1")
    await events.push("worker", "i1", [began(clock, "t1")])
    await events.push("writer", "i1", [began(clock, "t1")])
    await events.took_over("worker", "i1")
    assert await told(events) == [("turn_started", "t1", None)], "it says hello on each of its connections"
    await clock.advance(5)
    for _ in range(2):
        await events.took_over("worker", "i2")
        assert await told(events) == [("turn_started", "t1", None), ("turn_ended", "t1", "crashed")]
    turn = await events.last_turn("worker")
    assert turn is not None
    assert (turn.outcome, turn.ended_at, turn.messages) == (TurnOutcome.CRASHED, clock.now(), ["msg_1"])
    other = await events.last_turn("writer")
    assert other is not None
    assert other.outcome is None, "another agent's turn goes on"


async def test_a_turn_whose_start_an_earlier_instance_tells_late_has_crashed(
    events: Events, clock: ManualClock
) -> None:
    await events.took_over("worker", "i1")
    await events.took_over("worker", "i2")
    await events.push("worker", "i2", [began(clock, "t2")])
    await events.push("worker", "i1", [began(clock, "t1")])
    assert await told(events) == [
        ("turn_started", "t2", None),
        ("turn_started", "t1", None),
        ("turn_ended", "t1", "crashed"),
    ]


async def test_the_true_end_of_a_turn_stands_when_it_is_told_late(events: Events, clock: ManualClock) -> None:
    await events.took_over("worker", "i1")
    start = began(clock, "t1")
    await events.push("worker", "i1", [start])
    await events.took_over("worker", "i2")
    await events.push("worker", "i1", [ended(clock, start)])
    assert (await told(events))[-1] == ("turn_ended", "t1", "ok")
    turn = await events.last_turn("worker")
    assert turn is not None
    assert turn.outcome is TurnOutcome.OK


async def test_no_turn_runs_when_the_container_has_ended_however_many_there_were(
    events: Events, database: Database, clock: ManualClock
) -> None:
    await events.took_over("worker", "i1")
    for part in range(3):
        begun = [began(clock, f"t{part}/{n}").model_copy(update={"sequence": part * 200 + n}) for n in range(200)]
        await events.push("worker", "i1", begun)
    await events.took_over("worker", None)
    await events.push("worker", "i1", [began(clock, "late").model_copy(update={"sequence": 1000})])
    turns = await database.read(lambda c: c.execute("SELECT outcome FROM turns").fetchall())
    assert [outcome for (outcome,) in turns] == ["crashed"] * 601
