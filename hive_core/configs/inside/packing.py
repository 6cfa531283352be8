"""Taking a commit out of a repository that an agent can write, while it is writing it.

The files of its objects are copied, and git is given the copy in an empty repository of our own. So there is no
configuration, hook, ref, attribute, worktree, submodule or replacement to be heeded, and nothing changes under its
hands; what is left is the reading of objects, and those are checked again by who receives them.
"""

import asyncio
import os
import stat
import tempfile
from pathlib import Path

from hive_base.process import ProcessError
from hive_core.build.inside import Refusal
from hive_core.configs.inside.git import git

MAX_FILES = 20_000
"""Below `.git/objects`."""
MAX_BYTES = 32 * 1024 * 1024
"""All of them together."""
MAX_PACK = 8 * 1024 * 1024


async def pack(repository: Path, sha: str) -> bytes:
    """A pack with the commit and all that it needs. Raises Refusal."""
    with tempfile.TemporaryDirectory() as scratch:
        ours = Path(scratch)
        await git(ours, "init", "--quiet", "--bare", "--template=")
        await asyncio.to_thread(_copy, _objects(repository), ours / "objects")
        try:
            kind = (await git(ours, "cat-file", "-t", sha)).stdout.strip()
        except ProcessError:
            raise Refusal(f"There is no commit {sha} in {repository}. Commit first, and give its full id.") from None
        if kind != "commit":
            raise Refusal(f"{sha} is a {kind}, not a commit.")
        words = ("pack-objects", "--revs", "--stdout", "--quiet", "--threads=1")
        try:
            done = await git(ours, *words, stdin=f"{sha}\n".encode(), output_limit=MAX_PACK)
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
    return objects


def _copy(source: Path, target: Path) -> None:
    """Copy loose objects and packs. `info` says something about them, and is left."""
    size = count = 0
    for root, directories, names in os.walk(source, onerror=_unreadable):
        if Path(root) == source:
            directories[:] = [name for name in directories if name != "info"]
        count += len(directories) + len(names)
        for name in names:
            path = Path(root, name)
            data = _read(path, MAX_BYTES - size)
            size += len(data)
            if count > MAX_FILES or size > MAX_BYTES:
                raise Refusal(
                    f"{source} has more than {MAX_FILES} files or {MAX_BYTES // 1024**2} MiB; "
                    "begin a new repository with the files that are needed."
                )
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)


def _read(path: Path, limit: int) -> bytes:
    """A file's content, and of one that is too big a byte more than the limit."""
    try:
        # Not blocking: a FIFO would be waited for, and then found to be none of ours.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""  # git tidies up at the same time
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refusal(f"{path} is neither a file nor a directory.")
        return file.read(limit + 1)


def _unreadable(error: OSError) -> None:
    raise Refusal(f"{error.filename} cannot be read: {error.strerror}.")
