"""Agents' logs, read from the host's journal."""
