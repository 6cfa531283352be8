"""The hive, its agents, and what waits for an operator."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import quote

from hive_base.prices import usable_window
from hive_rpc.interfaces.operator.events import AgentToday
from hive_rpc.interfaces.operator.hive import AgentStatus, HiveStatus
from hive_rpc.types import AgentState, Turn, TurnOutcome
from hive_web.readable import one_line
from hive_web.view.times import count, duration

STATE_WORDS = {
    AgentState.STARTING: "Starting",
    AgentState.IDLE: "Idle",
    AgentState.THINKING: "Thinking",
    AgentState.COMPACTING: "Compacting",
    AgentState.PARKED: "Parked",
    AgentState.PAUSED: "Paused",
    AgentState.NEEDS_LOGIN: "Needs login",
    AgentState.STOPPING: "Stopping",
    AgentState.STOPPED: "Stopped",
    AgentState.FAILED: "Failed",
}
OUTCOME_WORDS = {
    TurnOutcome.OK: "Done",
    TurnOutcome.RATE_LIMITED: "Usage limit",
    TurnOutcome.OVERLOADED: "API overloaded",
    TurnOutcome.AUTH_FAILED: "Sign-in failed",
    TurnOutcome.BUDGET_EXHAUSTED: "Budget used up",
    TurnOutcome.CONTEXT_OVERFLOW: "Context full",
    TurnOutcome.NETWORK: "Network error",
    TurnOutcome.CONFIGURATION: "Configuration error",
    TurnOutcome.OUTPUT_LIMIT: "Output limit",
    TurnOutcome.REFUSED: "Refused",
    TurnOutcome.BAD_CONVERSATION: "Conversation broken",
    TurnOutcome.INTERRUPTED: "Interrupted",
    TurnOutcome.SESSION_LOST: "Session lost",
    TurnOutcome.CRASHED: "Crashed",
    TurnOutcome.COMPACTION_FAILED: "Compaction failed",
    TurnOutcome.TURN_LIMIT: "Time limit",
}
_UNTIL_WORDS = {AgentState.PARKED: "Goes on", AgentState.STOPPING: "Stopped at the latest"}
_STARTABLE = {AgentState.STOPPED, AgentState.FAILED}
HUES = 8


def agent_href(name: str) -> str:
    return f"/agent/{quote(name, safe='')}/"


def initial(name: str) -> str:
    """What stands in an agent's badge."""
    return name[:1].upper() or "?"


def hue(name: str) -> str:
    """One of `HUES` colours, always the same for one name."""
    return str(sum(name.encode()) % HUES)


@dataclass(frozen=True)
class HiveView:
    name: str
    version: str
    since: datetime
    healthy: bool
    health: str
    stand_in: bool
    backend: str
    summary: str
    """What its agents are doing."""
    waiting: int
    """How many things wait for an operator."""
    waiting_words: str
    """What has begun to wait last."""
    stopped: str
    """By whom everything was stopped, when and why."""

    @property
    def title(self) -> str:
        """Before the page's own title."""
        return f"({self.waiting}) " if self.waiting else ""


@dataclass(frozen=True)
class AgentView:
    key: str
    name: str
    initial: str
    hue: str
    href: str
    state: AgentState
    state_words: str
    since: datetime
    line: str
    """Why it is in this state, or else what it says of itself; before `until`, if there is one."""
    until: datetime | None
    container: str
    machine: str
    model: str
    unread: int
    unread_words: str
    turn: str
    """How the last turn ended and how long it took."""
    turn_failed: bool
    activity: datetime
    """When something last happened."""
    activity_apart: bool
    """That is more than the last change of its state."""
    created_at: datetime
    context: int
    """How much of its context is used, in percent."""
    context_words: str
    cost: str
    """Of today."""
    queued: str
    """Commands to it that are not carried out yet."""
    can_start: bool
    can_stop: bool

    @cached_property
    def still(self) -> "AgentView":
        """The view without what changes most."""
        return replace(self, unread=0, unread_words="")


def hive_view(hive: HiveStatus, states: Counter[AgentState], waiting: int, waiting_words: str) -> HiveView:
    """`waiting` is how many things wait for an operator, `waiting_words` what the last of them is."""
    return HiveView(
        name=hive.name,
        version=hive.version,
        since=hive.since,
        healthy=hive.healthy and not hive.stopped,
        health=_health(hive),
        stand_in=hive.stand_in,
        backend=_sentence(hive.model_backend or "model backend unknown"),
        summary=_summary(states),
        waiting=waiting,
        waiting_words=waiting_words,
        stopped=hive.stopped or "",
    )


def _summary(states: Counter[AgentState]) -> str:
    """`5 agents, 1 thinking, 1 parked`: the states that an operator wonders about, most lively first."""
    if not states:
        return "No agents yet"
    told = (AgentState.THINKING, AgentState.COMPACTING, AgentState.STARTING, AgentState.PARKED, AgentState.FAILED)
    counts = [f"{states[state]} {STATE_WORDS[state].lower()}" for state in told if state in states]
    agents = "1 agent" if states.total() == 1 else f"{states.total()} agents"
    return ", ".join([agents, *(counts or ["all quiet"])])


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _health(hive: HiveStatus) -> str:
    if hive.stopped:
        return "Everything is stopped"
    if not hive.gateway:
        return "Gateway not connected"
    return "No agent has failed" if hive.healthy else "Needs attention"


def agent_view(agent: AgentStatus, today: AgentToday | None = None) -> AgentView:
    turn = agent.last_turn
    tokens = (today.context_tokens if today is not None else None) or 0
    window = usable_window(agent.model)
    activity = max([agent.since, *([turn.ended_at or turn.started_at] if turn else [])])
    return AgentView(
        key=agent.name,
        name=agent.name,
        initial=initial(agent.name),
        hue=hue(agent.name),
        href=agent_href(agent.name),
        state=agent.state,
        state_words=STATE_WORDS[agent.state],
        since=agent.since,
        line=_line(agent),
        until=agent.until,
        container=agent.container.value,
        machine=agent.machine,
        model=agent.model or "",
        unread=agent.unread,
        unread_words=f"{agent.unread} unread" if agent.unread else "",
        turn=_last_turn(turn),
        turn_failed=turn is not None and turn.outcome not in (None, TurnOutcome.OK),
        activity=activity,
        activity_apart=activity - agent.since > timedelta(minutes=1),
        created_at=agent.created_at,
        context=min(100, round(100 * tokens / window)),
        context_words=f"{count(tokens)} of {count(window)} tokens" if tokens else "",
        cost=f"${today.cost_usd:.2f} today" if today is not None and today.cost_usd >= 0.005 else "",
        queued=", ".join(command.kind.value.replace("_", " ") for command in agent.commands),
        can_start=agent.state in _STARTABLE,
        can_stop=agent.state not in _STARTABLE,
    )


def _line(agent: AgentStatus) -> str:
    words = one_line(agent.reason or "", 300) or one_line(agent.note or "", 160)
    if agent.until is None:
        return words
    return f"{words} {_UNTIL_WORDS.get(agent.state, 'Until')}".strip()


def _last_turn(turn: Turn | None) -> str:
    if turn is None:
        return "No turn yet"
    if turn.outcome is None:
        return "In a turn"
    took = "" if turn.duration_seconds is None else f" in {duration(turn.duration_seconds)}"
    return OUTCOME_WORDS[turn.outcome] + took
