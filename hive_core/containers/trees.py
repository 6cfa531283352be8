"""Deleting what a container has written: of any size and depth, with symlinks in it that lead anywhere.

GNU rm and find follow none of them, whatever is changed under their feet, and have no limit to the depth of a tree,
which recursion in Python has.
"""

from collections.abc import Sequence
from pathlib import Path

from hive_base.process import ProcessError, run
from hive_rpc.errors import StorageError

TIME_LIMIT = 600
"""Seconds; an agent can leave millions of files."""


async def remove_trees(*paths: Path) -> None:
    """Delete them; no error for one that is not there. Raises StorageError."""
    await _run(["rm", "-rf", "--one-file-system", "--", *paths])


async def empty_tree(root: Path, *, keep: Path) -> None:
    """Delete what is below `root`, but not the file `keep` and the directories it is in. Raises StorageError."""
    kept = [keep, *(parent for parent in keep.parents if parent.is_relative_to(root) and parent != root)]
    spared = [word for path in kept for word in ("!", "-path", path)]
    await _run(["find", "-P", root, "-xdev", "-mindepth", "1", *spared, "-delete"])


async def _run(arguments: Sequence[str | Path]) -> None:
    try:
        await run(arguments, time_limit=TIME_LIMIT)
    except ProcessError as error:
        raise StorageError(f"{error}.", hint="See what is mounted or immutable there, and try again.") from error
