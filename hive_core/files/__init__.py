"""An agent's files, read by root for an operator: everything about them is the agent's to choose."""

from hive_core.files.files import Files

__all__ = ["Files"]
