"""The lock that says whether a hive runs: the kernel answers who holds it, and gives it back when that process ends.

A POSIX record lock (fcntl(2)), because F_GETLK names the holder's pid, which no pid file can do truthfully. It has a
trap: closing *any* descriptor of the file drops it, so the file is opened here and nowhere else.
"""

import fcntl
import os
import struct
from pathlib import Path

# struct flock: l_type, l_whence, l_start, l_len, l_pid, in the C compiler's own alignment.
_FLOCK = struct.Struct("@hhqqi")


class HostLock:
    """The right to change what is in a state directory. Held by the launcher for as long as its host lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def holder(self) -> int | None:
        """The pid of the process that holds the lock; None when nobody does."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, asked))
        finally:
            os.close(fd)
        return None if kind == fcntl.F_UNLCK else pid

    def acquire(self) -> bool:
        """Take the lock if nobody has it; the directory must exist."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
