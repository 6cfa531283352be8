"""Events of an agent as the entries of its page."""

from datetime import UTC, datetime
from typing import Any

from hive_rpc.types import (
    AgentState,
    Event,
    EventKind,
    Message,
    StateChange,
    ToolCall,
    ToolResult,
    Turn,
    TurnOutcome,
    Usage,
)
from hive_web.markdown import as_json
from hive_web.view.timeline import (
    LONGEST_TOOL,
    LineView,
    PatchKind,
    PlainEntry,
    StepKind,
    TurnEntry,
    full_text,
    patch,
    timeline,
)

AT = datetime(2026, 1, 2, tzinfo=UTC)


class Story:
    """Events of one agent, numbered."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, kind: EventKind, **values: Any) -> Event:
        event = Event(kind=kind, at=AT, agent="worker", id=len(self.events) + 1, **values)
        self.events.append(event)
        return event

    def whole_turn(self) -> None:
        turn = Turn(id="turn_1", started_at=AT)
        self.tell(EventKind.TURN_STARTED, turn_id="turn_1", turn=turn)
        self.tell(EventKind.THINKING, turn_id="turn_1", text="hm")
        self.tell(EventKind.TEXT, turn_id="turn_1", text="Let me *see*.")
        call = ToolCall(id="t1", name="Bash", input={"command": "ls"})
        self.tell(EventKind.TOOL_CALL, turn_id="turn_1", tool_call=call)
        self.tell(EventKind.TOOL_RESULT, turn_id="turn_1", tool_result=ToolResult(id="t1", content="a\nb"))
        ended = turn.model_copy(
            update={
                "outcome": TurnOutcome.OK,
                "duration_seconds": 3.2,
                "usage": Usage(input_tokens=10, cache_read_tokens=2000, output_tokens=50),
                "model": "opus",
                "cost_usd": 0.01,
            }
        )
        self.tell(EventKind.TURN_ENDED, turn_id="turn_1", turn=ended)


def only_turn(events: list[Event]) -> TurnEntry:
    (entry,) = timeline(events, "worker")
    assert isinstance(entry, TurnEntry)
    return entry


def test_a_turn_holds_its_steps_in_order_and_its_outcome() -> None:
    story = Story()
    story.whole_turn()
    turn = only_turn(story.events)
    assert [step.view.kind for step in turn.steps.values()] == [StepKind.THINKING, StepKind.TEXT, StepKind.TOOL]
    assert (turn.view.running, turn.view.outcome, turn.view.took) == (False, "Done", "3.2 s")
    assert (turn.view.tokens, turn.view.cost, turn.view.model) == ("2.0k in · 50 out", "$0.0100", "opus")


def test_a_result_stands_with_the_call_it_answers() -> None:
    story = Story()
    story.whole_turn()
    tool = only_turn(story.events).steps["tool t1"]
    assert (tool.view.tool, tool.view.summary, tool.view.input) == ("Bash", "ls", "ls")
    assert tool.result is not None
    assert (tool.result.result, tool.result.is_error) == ("a\nb", False)


def test_events_told_twice_are_shown_once() -> None:
    story = Story()
    story.whole_turn()
    assert only_turn([*story.events, *story.events]) == only_turn(story.events)


def test_a_turn_that_began_on_an_older_page_still_has_a_head() -> None:
    story = Story()
    story.whole_turn()
    turn = only_turn(story.events[2:5])
    assert (turn.view.wake, turn.view.outcome) == ("Turn", "")
    assert len(turn.steps) == 2


def test_a_result_without_its_call_shows_nothing_by_itself() -> None:
    story = Story()
    story.whole_turn()
    assert only_turn(story.events[4:5]).steps == {}


def test_messages_know_their_direction() -> None:
    story = Story()
    for sender, recipient in (("operator", "worker"), ("worker", "operator")):
        message = Message(id=f"msg_{sender}", sender=sender, recipient=recipient, body="hi", sent_at=AT)
        story.tell(EventKind.MESSAGE, message=message)
    views = [entry.view for entry in timeline(story.events, "worker") if entry.kind is PatchKind.MESSAGE]
    assert [(v.sender, v.recipient, v.outgoing) for v in views] == [  # type: ignore[union-attr]
        ("Operator", "worker", False),
        ("worker", "Operator", True),
    ]


def test_only_states_that_an_operator_wonders_about_have_a_line() -> None:
    story = Story()
    for state in AgentState:
        story.tell(EventKind.STATE, state=StateChange(state=state, since=AT, reason="because"))
    lines = [e.view for e in timeline(story.events, "worker") if isinstance(e, PlainEntry)]
    shown = [line.state for line in lines if isinstance(line, LineView)]
    assert AgentState.FAILED in shown
    assert AgentState.PARKED in shown
    assert AgentState.THINKING not in shown
    assert AgentState.IDLE not in shown


def test_a_line_is_not_repeated_until_a_turn_came_between() -> None:
    story = Story()
    starting = StateChange(state=AgentState.STARTING, since=AT)
    for _ in range(3):
        story.tell(EventKind.STATE, state=starting)
        story.tell(EventKind.MESSAGE, message=Message(id="m", sender="hive", recipient="worker", body="x", sent_at=AT))
    assert [entry.kind for entry in timeline(story.events, "worker")] == [PatchKind.LINE, PatchKind.MESSAGE]
    story.whole_turn()
    story.tell(EventKind.STATE, state=starting)
    assert [entry.kind for entry in timeline(story.events, "worker")][-2:] == [PatchKind.TURN, PatchKind.LINE]


def test_a_parked_agent_says_until_when_and_why() -> None:
    story = Story()
    change = StateChange(state=AgentState.PARKED, since=AT, until=AT, reason="usage limit")
    story.tell(EventKind.STATE, state=change)
    (entry,) = timeline(story.events, "worker")
    assert isinstance(entry.view, LineView)
    assert entry.view.text == "Parked until 2026-01-02 00:00:00 UTC: usage limit"


def test_what_is_too_long_is_cut_and_says_where_the_rest_is() -> None:
    story = Story()
    story.whole_turn()
    long = "x" * (LONGEST_TOOL + 1)
    event = story.tell(EventKind.TOOL_RESULT, turn_id="turn_1", tool_result=ToolResult(id="t1", content=long))
    result = only_turn(story.events).steps["tool t1"].result
    assert result is not None
    assert result.result_cut
    assert result.result_href == f"/agent/worker/event/{event.id}"
    assert full_text(event) == long


def test_an_mcp_tool_has_a_readable_name() -> None:
    story = Story()
    call = ToolCall(id="t2", name="mcp__hive__send", input={"to": "manager", "body": "done"})
    change = patch(story.tell(EventKind.TOOL_CALL, turn_id="turn_1", tool_call=call), "worker")
    assert change is not None
    assert change.view is not None
    assert change.view.tool == "hive · send"  # type: ignore[union-attr]
    assert change.view.summary == "manager"  # type: ignore[union-attr]


def test_a_delta_is_no_patch() -> None:
    assert patch(Story().tell(EventKind.TEXT_DELTA, turn_id="turn_1", text="a"), "worker") is None


def test_text_is_parsed_once_for_page_and_browser() -> None:
    story = Story()
    story.whole_turn()
    step = next(s for s in only_turn(story.events).steps.values() if s.view.kind is StepKind.TEXT)
    assert as_json(step.view.body) == [["p", ["Let me ", ["em", ["see"]], "."]]]
