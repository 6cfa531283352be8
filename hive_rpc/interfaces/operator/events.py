"""What happens in agents, and what came of their turns."""

from collections.abc import AsyncIterator

from pydantic import Field

from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import AgentName, Event, Model, Role, Seconds, Time, Usage


class WatchRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's events."""
    after: int | None = None
    """Begin after this event id; None begins with what happens next."""
    deltas: bool = False
    """Include the fleeting `text_delta` events."""


class WatchReply(Model):
    events: list[Event]
    """An empty list says only that the stream is live; the first reply always comes at once."""
    cursor: int
    """The id to resume after."""
    reset: bool = False
    """Events after `after` were already dropped: fetch the state again."""


class EventsRequest(OperatorRequest):
    agent: AgentName
    before: int | None = None
    after: int = 0
    """Newer than this event: the newest of them, if they are more than the limit."""
    limit: int = 200


class EventsReply(Model):
    events: list[Event]
    """Oldest first, without `text_delta`."""
    cursor: int
    """The id of the newest event in the whole hive when this was read; watch from here."""
    more: bool = False
    """There are others between these and `after`."""
    oldest: int = 0
    """The id of the agent's oldest event that is kept; 0 when there is none."""


class TurnStats(Model):
    """Turns that began within one span of time."""

    since: Time
    turns: int = 0
    running: int = 0
    usage: Usage = Usage()
    cost_usd: float = 0
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    """Durations of the turns that have ended."""
    outcomes: dict[str, int] = {}
    wake_reasons: dict[str, int] = {}
    tools: dict[str, int] = {}
    """Calls by the name of the tool; the 50 most used."""


class TurnStatsRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's turns."""
    since_seconds: Seconds
    """Back from now; 90 days at most."""
    buckets: int = Field(default=1, ge=1, le=120)
    """Equal parts into which that time is cut."""


class TurnStatsReply(Model):
    total: TurnStats
    buckets: list[TurnStats]
    """Oldest first, without `tools`."""


class AgentToday(Model):
    """What an agent's row shows besides its status."""

    agent: str
    turns: int
    cost_usd: float
    context_tokens: int | None = None
    """After the last turn."""


class TodayReply(Model):
    agents: list[AgentToday]
    """By name; since midnight UTC."""


class Methods:
    @rpc(Role.VIEWER)
    async def events(self, request: EventsRequest) -> EventsReply:
        """An agent's stored events, a page at a time."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    def watch(self, request: WatchRequest) -> AsyncIterator[WatchReply]:
        """Events as they happen."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def stats(self, request: TurnStatsRequest) -> TurnStatsReply:
        """How turns went over a span of time, in all and by parts of it."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def today(self, request: OperatorRequest) -> TodayReply:
        """Each agent's turns and cost since midnight (UTC), and the size of its context."""
        raise NotImplementedError
