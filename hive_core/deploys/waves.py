"""The order in which several agents are restarted: managers know what comes, and not everybody comes at once."""

from collections.abc import Sequence

from hive_core.agents.config import Capability
from hive_core.agents.models import Agent

AT_ONCE = 4
"""Agents in one wave: the model's limits and the machine's processors are shared by all."""


def waves(agents: Sequence[Agent]) -> list[list[Agent]]:
    """Managers first, which may be nobody; then the others."""
    managers = [a for a in agents if Capability.MANAGER in a.config.capabilities]
    others = [a for a in agents if a not in managers]
    return [managers, *(others[i : i + AT_ONCE] for i in range(0, len(others), AT_ONCE))]


def told(agent: Agent, agents: Sequence[Agent], reason: str) -> str:
    """What an agent hears of it."""
    text = f"You were restarted: {reason}"
    if Capability.MANAGER not in agent.config.capabilities:
        return text
    others = [name for wave in waves(agents)[1:] for name in (a.name for a in wave)]
    return f"{text} After you come, {AT_ONCE} at a time: {', '.join(others) or 'nobody'}."
