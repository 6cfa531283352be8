"""Messages: stored once, delivered at least once, leased to a harness instance until it says that it is done."""

from hive_core.broker.broker import Broker
from hive_core.broker.policy import Policy

__all__ = ["Broker", "Policy"]
