"""What happens to agents: stored in order with the turns it makes up, and shown live to those who watch."""

from hive_core.events.events import Events
from hive_core.events.hub import Hub

__all__ = ["Events", "Hub"]
