"""Retention: what is old is deleted, in steps so small that nobody waits for them."""

from hive_core.retention.retention import Retention, RetentionPolicy

__all__ = ["Retention", "RetentionPolicy"]
