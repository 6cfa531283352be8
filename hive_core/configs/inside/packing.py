"""Taking a commit out of a repository that an agent can write, while it is writing it.

git never learns that there is a repository: it is given an empty one of our own, and the agent's directory as a place
where objects lie. So there is no configuration, hook, ref, attribute, worktree, submodule or replacement to be heeded;
what is left is the reading of objects, and those are checked again by who receives them.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hive_base.process import ProcessError
from hive_core.configs.inside.git import git
from hive_core.configs.inside.refusal import Refusal

MAX_FILES = 20_000
"""Below `.git/objects`."""
MAX_BYTES = 32 * 1024 * 1024
"""All of them together."""
MAX_PACK = 8 * 1024 * 1024


async def pack(repository: Path, sha: str) -> bytes:
    """A pack with the commit and all that it needs. Raises Refusal."""
    objects = _objects(repository)
    with tempfile.TemporaryDirectory() as scratch:
        empty = Path(scratch)
        await git(empty, "init", "--quiet", "--bare", "--template=")
        there = {"GIT_OBJECT_DIRECTORY": str(objects)}
        try:
            kind = (await git(empty, "cat-file", "-t", sha, more=there)).stdout.strip()
        except ProcessError:
            raise Refusal(f"There is no commit {sha} in {repository}. Commit first, and give its full id.") from None
        if kind != "commit":
            raise Refusal(f"{sha} is a {kind}, not a commit.")
        words = ("pack-objects", "--revs", "--stdout", "--quiet", "--threads=1")
        try:
            done = await git(empty, *words, stdin=f"{sha}\n".encode(), more=there, output_limit=MAX_PACK)
        except ProcessError as error:
            raise Refusal(f"{repository} cannot be read: {error}.") from None
        return done.output


def _objects(repository: Path) -> Path:
    """The directory of the objects, once it is certain that it is one, and all there is."""
    for path in (repository, repository / ".git", repository / ".git" / "objects"):
        try:
            mode = path.lstat().st_mode
        except OSError:
            raise Refusal(f"There is no {path}: make a git repository with a worktree in {repository}.") from None
        if not stat.S_ISDIR(mode):
            raise Refusal(f"{path} has to be a directory.")
    objects = repository / ".git" / "objects"
    for place in ("alternates", "http-alternates"):
        if os.path.lexists(objects / "info" / place):
            raise Refusal(
                f"{objects}/info/{place} borrows objects from elsewhere; `git repack -ad` makes them its own."
            )
    size = 0
    for files, entry in enumerate(_entries(objects), start=1):
        size += entry.st_size
        if files > MAX_FILES or size > MAX_BYTES:
            raise Refusal(
                f"{repository} has more than {MAX_FILES} objects or {MAX_BYTES // 1024**2} MiB of them; "
                "begin a new repository with the files that are needed."
            )
    return objects


def _entries(directory: Path) -> Iterator[os.stat_result]:
    for root, directories, files in os.walk(directory):
        for name in (*directories, *files):
            path = Path(root, name)
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue  # git tidies up at the same time
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise Refusal(f"{path} is neither a file nor a directory.")
            yield found
