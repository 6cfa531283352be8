"""Reminders: messages that an agent sends to its later self."""

from hive_core.reminders.reminders import ReminderPolicy, Reminders

__all__ = ["ReminderPolicy", "Reminders"]
