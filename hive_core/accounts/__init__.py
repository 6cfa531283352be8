"""Accounts as core sees them, without secrets: who uses which, what may be spent, and what is held or stopped."""
