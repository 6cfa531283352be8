"""The people who run the hive: accounts, invitations, sessions, and the log of what they did."""

from hive_core.operators.audit import CORE, Actor, Audit
from hive_core.operators.operators import Operators
from hive_core.operators.sessions import Sessions

__all__ = ["CORE", "Actor", "Audit", "Operators", "Sessions"]
