"""Messages: stored once, delivered at least once, leased to a harness instance until it says that it is done."""

from hive_core.broker.broker import Broker
from hive_core.broker.dead_letters import DeadLetters
from hive_core.broker.history import History
from hive_core.broker.pages import unread
from hive_core.broker.policy import Policy

__all__ = ["Broker", "DeadLetters", "History", "Policy", "unread"]
