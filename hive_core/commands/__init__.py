"""What operators command agents while these are at work."""

from hive_core.commands.commands import Commands

__all__ = ["Commands"]
