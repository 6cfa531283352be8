"""Types that appear on the wire in more than one interface, and the limits that are part of the contract."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

MAX_FRAME = 1024 * 1024
"""Bytes of one Varlink message, without the NUL that ends it."""
MAX_VALUES = 50_000
"""In one call, at any depth: each is looked at, and meanwhile nobody else is served."""
MAX_BODY = 128 * 1024
"""Bytes of UTF-8 in the body of one message between agents."""
MAX_AGENT_NAME = 31
OPERATOR = "operator"
"""The recipient that stands for the people who run the hive."""
EVERYONE = "*"
"""The recipient of a broadcast."""
SYSTEM = "hive"
"""The sender of what the hive itself tells an agent."""
RESERVED_NAMES = frozenset({OPERATOR, SYSTEM, "system", "core", "all", "none"})


class Model(BaseModel):
    """A value on the wire: immutable, and an unknown field is ignored, so that the two ends may differ in age."""

    # Built when it is first used: no process needs more than a few of them, and each has all of an interface's.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Empty(Model):
    """No parameters, or nothing to report."""


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)


def _sayable(value: datetime) -> datetime:
    # Near the ends of Python's calendar a moment that one zone can say is an error in the next.
    if not EARLIEST <= value < LATEST:
        raise ValueError(f"A moment has to lie between {EARLIEST.year} and {LATEST.year}")
    return value


Time = Annotated[AwareDatetime, AfterValidator(_sayable), PlainSerializer(_rfc3339, return_type=str)]
"""A moment from 1970 until before 3000: RFC 3339 in UTC with milliseconds, on the wire a string."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A duration in seconds."""

Id = Annotated[str, StringConstraints(max_length=128)]
"""An id or a key that somebody made up."""

Ids = Annotated[list[Id], Field(max_length=1000)]

AgentName = Annotated[
    str, StringConstraints(pattern=r"^[a-z](?:-?[a-z0-9])*$", min_length=1, max_length=MAX_AGENT_NAME)
]
"""Lower-case letters, digits and single hyphens, beginning with a letter, 31 characters at most."""

Object = dict[str, Any]
"""A JSON object whose shape belongs to somebody else (Varlink: `object`)."""


class Role(StrEnum):
    """What an operator may do; each includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


class Message(Model):
    """One message as its recipient or an operator sees it."""

    id: str
    sender: str
    recipient: str
    body: str
    in_reply_to: str | None = None
    sent_at: Time
    attempts: int = 0
    """How often it was handed out before this time."""
    redelivered: bool = False
    """It was handed out before and not acknowledged: earlier work on it may have been done."""
    redelivery_reason: str | None = None
    broadcast: bool = False
    automatic: bool = False
    """Made from a turn's final text, because the agent did not call `send`."""


class AgentState(StrEnum):
    """What an agent is doing, as the dashboard and `hive status` show it."""

    STARTING = "starting"
    IDLE = "idle"
    THINKING = "thinking"
    COMPACTING = "compacting"
    PARKED = "parked"
    PAUSED = "paused"
    NEEDS_LOGIN = "needs_login"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class ContainerState(StrEnum):
    """The state of an agent's `container@` unit, in plain words."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


Count = Annotated[int, Field(ge=0, le=10**12)]
"""What an agent counts of itself. With a bound, because such are summed up with those of others."""
Measure = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
"""Seconds or dollars, as an agent says. Bounded too: the sum of two could else be infinite, which is no JSON."""


class Usage(Model):
    """Tokens of one turn, summed over its requests, as the Messages API reports them."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_creation_tokens: Count = 0


class TurnOutcome(StrEnum):
    """How a turn ended."""

    OK = "ok"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    AUTH_FAILED = "auth_failed"
    BUDGET_EXHAUSTED = "budget_exhausted"
    CONTEXT_OVERFLOW = "context_overflow"
    NETWORK = "network"
    CONFIGURATION = "configuration"
    OUTPUT_LIMIT = "output_limit"
    REFUSED = "refused"
    BAD_CONVERSATION = "bad_conversation"
    INTERRUPTED = "interrupted"
    SESSION_LOST = "session_lost"
    CRASHED = "crashed"
    COMPACTION_FAILED = "compaction_failed"
    TURN_LIMIT = "turn_limit"


class Turn(Model):
    """One turn of an agent's conversation: what woke it, how it went, what it cost."""

    id: str
    messages: list[str] = []
    """Ids of the messages that it answers."""
    wake_reason: str = "message"
    outcome: TurnOutcome | None = None
    """None while it runs."""
    error: str | None = None
    started_at: Time
    ended_at: Time | None = None
    queued_seconds: Measure | None = None
    first_token_seconds: Measure | None = None
    duration_seconds: Measure | None = None
    model: str | None = None
    session: str | None = None
    usage: Usage = Usage()
    cost_usd: Measure | None = None
    context_tokens: Count | None = None
    tools: dict[str, Count] = {}
    attempts: Count = 0


class EventKind(StrEnum):
    """What an `Event` tells; exactly the field of the same name is filled, where it has one."""

    STATE = "state"
    TURN_STARTED = "turn_started"
    TEXT_DELTA = "text_delta"
    TEXT = "text"
    THINKING = "thinking"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    TURN_ENDED = "turn_ended"
    MESSAGE = "message"
    NOTICE = "notice"


class StateChange(Model):
    state: AgentState
    since: Time
    reason: str | None = None
    until: Time | None = None


class ToolCall(Model):
    id: str
    name: str
    input: Object


def tool_words(name: str) -> str:
    """A tool's name for people: `mcp__hive__send` is `hive · send`."""
    server, separator, tool = name.removeprefix("mcp__").partition("__")
    return f"{server} · {tool}" if name.startswith("mcp__") and separator else name


class ToolResult(Model):
    id: str
    content: str
    is_error: bool = False


class Event(Model):
    """Something that happened to an agent. Core gives it its `id`, the harness its `sequence`."""

    kind: EventKind
    at: Time
    agent: str = ""
    id: int = 0
    """Monotonic over the whole hive; 0 until core has stored it, and for the fleeting `text_delta`."""
    sequence: int = 0
    """Counts up for one harness instance, so that a resent event is stored once."""
    turn_id: str | None = None
    state: StateChange | None = None
    turn: Turn | None = None
    """For `turn_started` and `turn_ended`."""
    text: str | None = None
    """For `text_delta`, `text`, `thinking` and `notice`."""
    tool_call: ToolCall | None = None
    tool_result: ToolResult | None = None
    decision: Object | None = None
    """For a `notice` of the session policy: the numbers of a decision and what each alternative would cost."""
    message: Message | None = None
    """For `message`: sent or received by this agent, filled in by core."""
