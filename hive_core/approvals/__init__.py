"""What changes the hive's shape, and waits for an operator to say so."""

from hive_core.approvals.approvals import Approvals

__all__ = ["Approvals"]
