"""Agents' configurations in git: what was proposed, what was approved, and what runs.

`applied/<name>` is a bare repository that only `hive-build` opens. The manager's `proposed/<name>` is read through
`hive_core.build` only, and of it nothing but objects. What core itself goes by is in its database.
"""
