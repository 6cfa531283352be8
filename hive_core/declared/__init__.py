"""Agents that the machine's own configuration declares."""

from hive_core.declared.declared import Declared

__all__ = ["Declared"]
