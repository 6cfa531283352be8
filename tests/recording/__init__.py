"""Runs of the real CLI, recorded: how they are made (`make record-cli`), kept and read."""
