"""The stand-in model: a small deterministic Messages API for a hive without an account, and for tests to script.

`docs/stand-in.md` says what can be asked of it.
"""
