"""Listing and reading an agent's files: a corner of its own, a path beneath it, a piece at a time."""

import asyncio
import base64
import errno
import itertools
import os
import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from hive_base.paths import StatePaths
from hive_core.files import beneath
from hive_rpc.errors import HiveError, InvalidError, NotFoundError, StorageError, TooLargeError
from hive_rpc.interfaces.operator.files import FileEntry, FileKind, ListAgentFilesReply, ReadAgentFileReply
from hive_rpc.types import EARLIEST, LATEST

MAX_PATH = 1024
"""Bytes of a path."""
MAX_READ = 256 * 1024
"""Bytes in one answer."""
MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a file that is read at all."""
MAX_PAGE = 500
MAX_SCANNED = 20_000
"""Names of one directory that are looked at; of a larger one only so many are listed."""

_Corner = Callable[[StatePaths, str], Path]
CORNERS: Mapping[str, _Corner] = {
    "state": StatePaths.state,
    "claude": StatePaths.claude,
    "shared": StatePaths.shared_corner,
}
"""Where an operator may look: the agent's notes, the CLI's transcripts, and what it shares."""


class Files:
    """Reads for whoever was admitted. Nothing is followed, nothing but a plain file opened, nothing waited for."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths

    async def page(self, agent: str, path: str, *, after: str | None = None, limit: int = 200) -> ListAgentFilesReply:
        """A directory's entries by name; the empty path has the corners. Raises InvalidError, NotFoundError."""
        if path == "":
            corners = [name for name in CORNERS if after is None or name > after]
            return ListAgentFilesReply(entries=[FileEntry(name=n, kind=FileKind.DIRECTORY) for n in sorted(corners)])
        base, rest = self._resolve(agent, path)
        return await asyncio.to_thread(_list, base, rest, after, max(1, min(limit, MAX_PAGE)))

    async def read(self, agent: str, path: str, *, offset: int = 0, limit: int = MAX_READ) -> ReadAgentFileReply:
        """Bytes from `offset` on, 256 KiB at most. Raises InvalidError, NotFoundError, TooLargeError."""
        base, rest = self._resolve(agent, path)
        if rest == "":
            raise _no_file()
        return await asyncio.to_thread(_read, base, rest, max(0, offset), max(1, min(limit, MAX_READ)))

    def _resolve(self, agent: str, path: str) -> tuple[Path, str]:
        _check(path)
        corner, _, rest = path.partition("/")
        if corner not in CORNERS:
            raise _nothing()
        return CORNERS[corner](self._paths, agent), rest


def _check(path: str) -> None:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidError("The path is not text.") from None
    if size > MAX_PATH:
        raise TooLargeError(f"The path has {size} bytes; {MAX_PATH} is the limit.", limit=MAX_PATH)
    # The kernel refuses what leads out; these are refused because no listing ever gives them.
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidError("That cannot be the path of a file.", hint="Use the names that a listing gives.")


def _list(base: Path, path: str, after: str | None, limit: int) -> ListAgentFilesReply:
    try:
        with beneath.directory(base, path) as descriptor, os.scandir(descriptor) as scanned:
            names = [(_text(entry.name), entry.name) for entry in itertools.islice(scanned, MAX_SCANNED + 1)]
            later = sorted(name for name in names[:MAX_SCANNED] if after is None or name[0] > after)
            entries = [found for text, name in later[:limit] if (found := _entry(descriptor, text, name)) is not None]
    except OSError as error:
        raise _refused(error) from None
    return ListAgentFilesReply(
        entries=entries,
        cursor=later[limit - 1][0] if len(later) > limit else None,
        truncated=len(names) > MAX_SCANNED,
    )


def _entry(descriptor: int, text: str, name: str) -> FileEntry | None:
    try:
        info = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return None  # gone since its name was read
    kind = _kind(info.st_mode)
    readable = kind is FileKind.FILE and info.st_nlink == 1 and info.st_size <= MAX_SIZE
    return FileEntry(
        name=text,
        kind=kind,
        size=info.st_size if kind is FileKind.FILE else 0,
        modified_at=_moment(info.st_mtime),
        readable=text == name and (readable or kind is FileKind.DIRECTORY),
    )


def _kind(mode: int) -> FileKind:
    if stat.S_ISREG(mode):
        return FileKind.FILE
    if stat.S_ISDIR(mode):
        return FileKind.DIRECTORY
    return FileKind.LINK if stat.S_ISLNK(mode) else FileKind.OTHER


def _text(name: str) -> str:
    """A name that is not UTF-8 cannot be said on the wire: it is shown with its bytes written out."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _moment(seconds: float) -> datetime | None:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None  # any number can be set as a file's time
    return moment if EARLIEST <= moment < LATEST else None


def _read(base: Path, path: str, offset: int, limit: int) -> ReadAgentFileReply:
    try:
        with beneath.regular_file(base, path) as descriptor:
            info = os.fstat(descriptor)
            if info.st_size > MAX_SIZE:
                raise TooLargeError(
                    f"The file has {info.st_size} bytes; {MAX_SIZE} is the most that is shown.",
                    hint="Ask the agent for the part that matters.",
                    limit=MAX_SIZE,
                )
            data = os.pread(descriptor, limit, offset) if offset < info.st_size else b""
    except beneath.NotPlainError:
        raise _no_file() from None
    except OSError as error:
        raise _refused(error) from None
    return ReadAgentFileReply(
        data=base64.b64encode(data).decode(), offset=offset, size=info.st_size, modified_at=_moment(info.st_mtime)
    )


def _nothing() -> NotFoundError:
    return NotFoundError("There is no such file.", hint="The listing of its directory shows what there is.")


def _no_file() -> NotFoundError:
    return NotFoundError(
        "That is not a plain file.", hint="Links, devices, pipes and files with several names are not opened."
    )


def _refused(error: OSError) -> HiveError:
    """Nothing of the error's own text: it may hold a path that the caller did not send."""
    if error.errno in (errno.ELOOP, errno.EXDEV):
        return _no_file()
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL):
        return _nothing()
    return StorageError(f"The file cannot be read: {os.strerror(error.errno or 0)}.")
