"""An agent's history as its page shows it: messages, turns with their steps, and what else happened, oldest first.

Each event becomes at most one *patch*. The page is made by applying the patches of the stored events here; the browser
applies those that follow in the same way (`static/timeline.js`). A patch that was applied already changes nothing.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from hive_rpc.types import AgentState, Event, EventKind, StateChange, Turn, TurnOutcome, tool_words
from hive_web.markdown import Node, parse
from hive_web.readable import one_line, readable
from hive_web.view.agents import OUTCOME_WORDS, STATE_WORDS, agent_href
from hive_web.view.diff import DiffLine
from hive_web.view.messages import LONGEST, MessageView, message_view
from hive_web.view.times import absolute, count, duration
from hive_web.view.tools import tool_diff, tool_input, tool_summary

LONGEST_TOOL = 8_000
"""Characters of a tool's input or result; the whole is behind a link."""
_WAKE_WORDS = {"message": "Answering a message", "reminder": "Woken by a reminder", "start": "First turn"}
_SHOWN_STATES = {
    AgentState.STARTING,
    AgentState.PARKED,
    AgentState.PAUSED,
    AgentState.NEEDS_LOGIN,
    AgentState.STOPPED,
    AgentState.FAILED,
}


class PatchKind(StrEnum):
    MESSAGE = "message"
    TURN = "turn"
    STEP = "step"
    RESULT = "result"
    LINE = "line"


class StepKind(StrEnum):
    TEXT = "text"
    THINKING = "thinking"
    TOOL = "tool"


@dataclass(frozen=True)
class TurnView:
    """A turn's head; `None` or empty is what is not known."""

    key: str
    running: bool
    failed: bool
    outcome: str
    wake: str
    at: datetime
    took: str
    model: str
    tokens: str
    cost: str
    error: str


@dataclass(frozen=True)
class StepView:
    """One thing that the model did in a turn."""

    key: str
    kind: StepKind
    at: datetime
    body: tuple[Node, ...] = ()
    cut: bool = False
    more_href: str = ""
    tool: str = ""
    summary: str = ""
    input: str = ""
    diff: tuple[DiffLine, ...] = ()
    """What an edit changes; then `input` is empty."""


@dataclass(frozen=True)
class ResultView:
    """What a tool answered."""

    key: str
    """Of the step that called it."""
    result: str
    is_error: bool
    result_cut: bool
    result_href: str
    done: bool = True


@dataclass(frozen=True)
class LineView:
    """A change of state, or something the harness wants known."""

    key: str
    state: AgentState | None
    text: str
    at: datetime


@dataclass(frozen=True)
class Patch:
    """One event's change to the page."""

    kind: PatchKind
    event: int
    turn: str = ""
    """The key of the turn that it belongs to."""
    at: datetime | None = None
    view: MessageView | TurnView | StepView | ResultView | LineView | None = None


@dataclass(frozen=True)
class StepEntry:
    view: StepView
    result: ResultView | None = None


@dataclass(frozen=True)
class TurnEntry:
    """After each change there is another one in its place."""

    view: TurnView
    steps: Mapping[str, StepEntry] = field(default_factory=dict)
    kind: PatchKind = PatchKind.TURN


@dataclass(frozen=True)
class PlainEntry:
    view: MessageView | LineView
    kind: PatchKind


Entry: TypeAlias = TurnEntry | PlainEntry


def timeline(events: Iterable[Event], agent: str) -> Sequence[Entry]:
    """The page of these events, which are in order."""
    made = Timeline(agent)
    made.add(events)
    return made.entries


class Timeline:
    """A page that goes on: events are added at its end and taken away at its beginning."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._entries: dict[str, Entry] = {}
        self._shown: deque[tuple[int, str, str]] = deque()
        """Event, entry and step, of each change in order."""
        self._changes: Counter[str] = Counter()
        """Those of each entry that are on the page."""
        self._list: Sequence[Entry] | None = None
        self.newest = 0
        """The last event that was added."""

    def __len__(self) -> int:
        """How many changes are on the page."""
        return len(self._shown)

    @property
    def entries(self) -> Sequence[Entry]:
        """The very same for as long as none of them has changed."""
        if self._list is None:
            self._list = list(self._entries.values())
        return self._list

    @property
    def first(self) -> int:
        """The oldest event that is shown; 0 when there is none."""
        return self._shown[0][0] if self._shown else 0

    def add(self, events: Iterable[Event]) -> None:
        """Events in order; those that were added before change nothing."""
        for event in events:
            if event.id > self.newest:
                self.newest = event.id
                if (change := patch(event, self._agent)) is not None:
                    self._add(change)

    def trim(self, most: int) -> None:
        """Leave the newest so many changes. A turn keeps its head for as long as it has steps."""
        while len(self._shown) > most:
            _, key, step = self._shown.popleft()
            self._changes[key] -= 1
            entry = self._entries[key]
            if not self._changes[key]:
                del self._entries[key], self._changes[key]
            elif isinstance(entry, TurnEntry) and step in entry.steps:
                left = {kept: entry.steps[kept] for kept in entry.steps if kept != step}
                self._entries[key] = replace(entry, steps=left)
            self._list = None

    def _add(self, change: Patch) -> None:
        if isinstance(change.view, LineView) and _said_before(self._entries, change.view.text):
            return
        self._list = None
        key, step = _apply(self._entries, change), change.view.key if isinstance(change.view, StepView) else ""
        self._shown.append((change.event, key, step))
        self._changes[key] += 1


def _apply(entries: dict[str, Entry], change: Patch) -> str:
    """Make the change, and say which entry has it, by its key."""
    match change.view:
        case MessageView() | LineView() as view:
            entries.setdefault(view.key, PlainEntry(view, change.kind))
            return view.key
        case TurnView() as view:
            entries[change.turn] = replace(_turn(entries, change), view=view)
        case StepView() as view:
            turn = _turn(entries, change)
            step = turn.steps.get(view.key) or StepEntry(view)
            entries[change.turn] = replace(turn, steps={**turn.steps, view.key: step})
        case ResultView() as view:
            turn = _turn(entries, change)
            if (called := turn.steps.get(view.key)) is not None:
                entries[change.turn] = replace(turn, steps={**turn.steps, view.key: replace(called, result=view)})
        case None:
            raise TypeError("a patch without a view changes nothing")
    return change.turn


def _said_before(entries: dict[str, Entry], text: str) -> bool:
    """Whether the last line says the same and no turn came since: an agent starts in several steps."""
    for entry in reversed(entries.values()):
        if isinstance(entry, TurnEntry):
            return False
        if isinstance(entry.view, LineView):
            return entry.view.text == text
    return False


def _turn(entries: dict[str, Entry], change: Patch) -> TurnEntry:
    """The turn of a patch; one whose beginning is on an older page gets a head without details."""
    entry = entries.get(change.turn)
    if not isinstance(entry, TurnEntry):
        assert change.at is not None
        entry = TurnEntry(replace(_UNKNOWN_TURN, key=change.turn, at=change.at))
        entries[change.turn] = entry
    return entry


_UNKNOWN_TURN = TurnView(
    key="",
    running=False,
    failed=False,
    outcome="",
    wake="Turn",
    at=datetime.min,
    took="",
    model="",
    tokens="",
    cost="",
    error="",
)


def patch(event: Event, agent: str) -> Patch | None:
    """What an event changes on the page of `agent`; None for nothing. A `text_delta` is no patch: it is fleeting."""
    view = _view(event, agent)
    if view is None:
        return None
    kind, shown = view
    return Patch(kind=kind, event=event.id, turn=f"turn {event.turn_id}", at=event.at, view=shown)


def _view(
    event: Event, agent: str
) -> tuple[PatchKind, MessageView | TurnView | StepView | ResultView | LineView] | None:
    whole = f"{agent_href(agent)}event/{event.id}"
    match event.kind:
        case EventKind.MESSAGE if event.message:
            message = message_view(event.message, agent=agent, event=event.id, limit=LONGEST, more_href=whole)
            return PatchKind.MESSAGE, message
        case EventKind.TURN_STARTED | EventKind.TURN_ENDED if event.turn:
            return PatchKind.TURN, _turn_view(event, event.turn)
        case EventKind.TEXT | EventKind.THINKING if event.text and event.text.strip():
            return PatchKind.STEP, StepView(
                key=f"event {event.id}",
                kind=StepKind(event.kind.value),
                at=event.at,
                body=parse(readable(event.text[:LONGEST])),
                cut=len(event.text) > LONGEST,
                more_href=whole,
            )
        case EventKind.TOOL_CALL if event.tool_call:
            given, diff = tool_input(event.tool_call), tool_diff(event.tool_call)
            return PatchKind.STEP, StepView(
                key=f"tool {event.tool_call.id}",
                kind=StepKind.TOOL,
                at=event.at,
                cut=len(given) > LONGEST_TOOL,
                more_href=whole,
                tool=one_line(tool_words(event.tool_call.name), 80),
                summary=tool_summary(event.tool_call),
                input="" if diff else given[:LONGEST_TOOL],
                diff=diff,
            )
        case EventKind.TOOL_RESULT if event.tool_result:
            content = event.tool_result.content
            return PatchKind.RESULT, ResultView(
                key=f"tool {event.tool_result.id}",
                result=content[:LONGEST_TOOL] or "(no output)",
                is_error=event.tool_result.is_error,
                result_cut=len(content) > LONGEST_TOOL,
                result_href=whole,
            )
        case EventKind.STATE if event.state and event.state.state in _SHOWN_STATES:
            return PatchKind.LINE, LineView(
                key=f"event {event.id}", state=event.state.state, text=_state_line(event.state), at=event.at
            )
        case EventKind.NOTICE if event.text:
            return PatchKind.LINE, LineView(
                key=f"event {event.id}", state=None, text=one_line(event.text, 600), at=event.at
            )
    return None


def _turn_view(event: Event, turn: Turn) -> TurnView:
    running = event.kind is EventKind.TURN_STARTED
    used = turn.usage.input_tokens + turn.usage.cache_read_tokens + turn.usage.cache_creation_tokens
    return TurnView(
        key=f"turn {event.turn_id}",
        running=running,
        failed=turn.outcome not in (None, TurnOutcome.OK),
        outcome="" if turn.outcome is None else OUTCOME_WORDS[turn.outcome],
        wake=_WAKE_WORDS.get(turn.wake_reason, one_line(turn.wake_reason, 80)),
        at=turn.started_at,
        took="" if turn.duration_seconds is None else duration(turn.duration_seconds),
        model=turn.model or "",
        tokens=f"{count(used)} in · {count(turn.usage.output_tokens)} out" if used or turn.usage.output_tokens else "",
        cost="" if not turn.cost_usd else f"${turn.cost_usd:.4f}",
        error=one_line(turn.error or "", 1000),
    )


def _state_line(change: StateChange) -> str:
    until = f" until {absolute(change.until)}" if change.until else ""
    reason = f": {one_line(change.reason, 400)}" if change.reason else ""
    return f"{STATE_WORDS[change.state]}{until}{reason}"


def full_text(event: Event) -> str:
    """All that an event says, for when it was too long to be shown on the page."""
    if event.message:
        return event.message.body
    if event.tool_call:
        return tool_input(event.tool_call)
    if event.tool_result:
        return event.tool_result.content
    return event.text or ""
