"""What the tree of a configuration may be made of: a handful of plain text files."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hive_base.process import ProcessError
from hive_core.build.inside import Refusal
from hive_core.configs.inside.git import git

MAX_FILES = 200
MAX_DEPTH = 5
MAX_FILE = 256 * 1024
MAX_TOTAL = 1024 * 1024
_LISTING = 256 * 1024
"""Bytes of `ls-tree`: a tree that contains another one many times, that one again, and so on, is endless."""
_PLAIN = frozenset({"100644", "100755"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True)
class TreeFile:
    path: str
    blob: str
    size: int


async def files(repository: Path, sha: str) -> dict[str, TreeFile]:
    """The files of a commit, by path. Raises Refusal for a tree that is no configuration."""
    try:
        done = await git(repository, "ls-tree", "-r", "-l", "-z", "--full-tree", sha, output_limit=_LISTING)
    except ProcessError as error:
        raise Refusal(f"The tree of {sha} cannot be listed: {error}.") from None
    found: dict[str, TreeFile] = {}
    folded: dict[str, str] = {}
    for line in filter(None, done.output.split(b"\0")):
        meta, _, raw = line.partition(b"\t")
        mode, kind, blob, size = meta.decode().split()
        path = _path(raw)
        if kind != "blob" or mode not in _PLAIN:
            raise Refusal(f"{path} is {_WORDS.get(mode, 'of an unknown kind')}; only plain files are allowed.")
        for part in (PurePosixPath(path), *PurePosixPath(path).parents):
            # Two names that are one where case or composition does not count would be one file of two minds.
            other = folded.setdefault(unicodedata.normalize("NFKC", str(part)).casefold(), str(part))
            if other != str(part):
                raise Refusal(f"{part} and {other} differ in case only.")
        found[path] = TreeFile(path, blob, int(size))
        if int(size) > MAX_FILE:
            raise Refusal(f"{path} has {size} bytes; {MAX_FILE} are allowed.")
    if len(found) > MAX_FILES or sum(f.size for f in found.values()) > MAX_TOTAL:
        raise Refusal(f"A configuration has at most {MAX_FILES} files and {MAX_TOTAL} bytes in all of them.")
    if "agent.toml" not in found:
        raise Refusal("There is no agent.toml in that commit.")
    return found


_WORDS = {"120000": "a symbolic link", "160000": "a submodule"}


def _path(raw: bytes) -> str:
    try:
        path = raw.decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(f"{raw.decode(errors='replace')!r} is not a name for a file: use ASCII.") from None
    parts = PurePosixPath(path).parts
    for part in parts:
        # Names that begin with a dot are git's (.gitmodules, .gitattributes) or hide something.
        if not _NAME.fullmatch(part) or part.endswith("."):
            raise Refusal(f"{path!r} is not a name for a file: use letters, digits and ._+- after the first one.")
    if len(parts) > MAX_DEPTH:
        raise Refusal(f"{path} lies deeper than {MAX_DEPTH} directories.")
    return path
