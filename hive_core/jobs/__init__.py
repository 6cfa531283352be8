"""The one queue of work on agents' lives."""

from hive_core.jobs.jobs import Jobs
from hive_core.jobs.orders import Order
from hive_core.jobs.running import Running

__all__ = ["Jobs", "Order", "Running"]
