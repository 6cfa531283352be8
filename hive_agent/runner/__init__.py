"""The runner: holds the SDK, its in-process tools and the CLI while a conversation is warm.

A child of the harness; its death at any moment is something the harness expects.
"""
