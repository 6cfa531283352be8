"""Whether a command makes sense for an agent as it is. What does not is refused at once, with the reason."""

from fnmatch import fnmatchcase

from hive_core.agents.models import Agent
from hive_rpc.commands import AgentCommandKind, Effort
from hive_rpc.errors import ConflictError, InvalidError
from hive_rpc.types import AgentState, ContainerState

LASTING = frozenset({AgentCommandKind.MODEL, AgentCommandKind.EFFORT, AgentCommandKind.PAUSE, AgentCommandKind.RESUME})
"""They change how the agent is run from now on, whether it runs now or not."""
_THERE = frozenset({ContainerState.STARTING, ContainerState.RUNNING})
_IN_A_TURN = frozenset({AgentState.THINKING, AgentState.COMPACTING})
_WAITING = frozenset({AgentState.PARKED, AgentState.NEEDS_LOGIN})


def check_value(agent: Agent, kind: AgentCommandKind, value: str | None) -> None:
    """Raises InvalidError or ConflictError."""
    if value is None:
        return
    match kind:
        case AgentCommandKind.MODEL:
            allowed = agent.config.models
            if not value.isprintable() or " " in value:
                raise InvalidError(f"{value!r} is no model's name.", hint="Give one like `opus` or `claude-opus-4-8`.")
            if allowed and not any(fnmatchcase(value, pattern) for pattern in allowed):
                raise ConflictError(
                    f"{agent.name} may not use {value}.", hint=f"Its agent.toml allows {', '.join(allowed)}."
                )
        case AgentCommandKind.EFFORT:
            if value not in set(Effort):
                raise InvalidError(f"{value!r} is no effort.", hint=f"One of {', '.join(Effort)}.")
        case _:
            raise InvalidError(f"{kind} takes no value.", hint="Leave it out.")


def check_now(agent: Agent, kind: AgentCommandKind) -> None:
    """Raises ConflictError when there is nothing that the command could do."""
    if kind in LASTING:
        return
    if agent.container not in _THERE:
        raise ConflictError(f"{agent.name} is {agent.state.value}.", hint=f"Start it first: `hive start {agent.name}`.")
    if kind is AgentCommandKind.CANCEL and agent.state not in _IN_A_TURN:
        raise ConflictError(
            f"{agent.name} has no turn that could be cancelled.", hint="`hive status` says what it does."
        )
    if kind is AgentCommandKind.WAKE and agent.state not in _WAITING:
        raise ConflictError(
            f"{agent.name} waits for nothing: it is {agent.state.value.replace('_', ' ')}.",
            hint="`hive resume` ends a pause, `hive send` begins a turn.",
        )
