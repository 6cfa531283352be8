"""What happens to agents: stored in order with the turns it makes up, and shown live to those who watch."""

from hive_core.events.events import Events
from hive_core.events.hub import Hub
from hive_core.events.quota import EventPolicy

__all__ = ["EventPolicy", "Events", "Hub"]
