"""Whom an agent may write to."""

from hive_core.agents.agents import Agents
from hive_core.agents.config import Capability


def may_write(agents: Agents, sender: str, recipient: str) -> bool:
    """Its configuration lists them; without a list it is everybody. A manager can always be reached."""
    allowed = agents.get(sender).config.writes_to
    return allowed is None or recipient in allowed or Capability.MANAGER in agents.get(recipient).config.capabilities
