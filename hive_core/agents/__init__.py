"""Agents: their rows in the registry, their directories, and the verbs of their life."""
