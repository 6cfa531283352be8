"""What runs in the sandbox, as `python3 -m hive_core.configs.inside <verb> …`: git, and nothing that decides anything.

Input and output are the standard streams.
"""


def kept(sha: str) -> str:
    """The ref in `applied/<name>` that keeps a commit, and by which it can be asked for, whatever else points to it."""
    return f"refs/hive/{sha}"
