"""Opening what lies beneath a directory that somebody hostile can write: openat2(2), which the kernel resolves.

No check of a path beforehand can do this: between the check and the opening, a component can become a symlink.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SYS_OPENAT2 = 437
"""The same number on every architecture (syscalls that came after Linux 5.0)."""
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_RESOLVE = _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class NotPlainError(Exception):
    """It is there, and is not of the kind that is asked for, or has more than one name."""


def _openat2(directory: int, path: bytes, flags: int) -> int:
    how = _OpenHow(flags, 0, _RESOLVE)
    while True:
        descriptor = _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(directory),
            ctypes.c_char_p(path),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if descriptor >= 0:
            return int(descriptor)
        # EAGAIN: something above was renamed meanwhile, and the kernel cannot tell whether it is still beneath.
        if (code := ctypes.get_errno()) not in (errno.EINTR, errno.EAGAIN):
            raise OSError(code, os.strerror(code))


@contextmanager
def _opened(base: Path, path: str, flags: int) -> Iterator[int]:
    root = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        descriptor = _openat2(root, os.fsencode(path or "."), flags)
    finally:
        os.close(root)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def regular_file(base: Path, path: str) -> Iterator[int]:
    """A regular file with one name, opened for reading. Raises OSError, or NotPlainError for anything else.

    It is looked at before it is opened: to open a FIFO waits for somebody, to open a device does what the device does.
    The second opening is of the very inode that was looked at.
    """
    with _opened(base, path, _LOOK) as seen:
        info = os.fstat(seen)
        # A second name could be a file of somebody else's, where the kernel lets links be made to those.
        if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1:
            raise NotPlainError
        descriptor = os.open(f"/proc/self/fd/{seen}", _READ)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def directory(base: Path, path: str) -> Iterator[int]:
    """A directory, opened for listing. Raises OSError."""
    with _opened(base, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC) as descriptor:
        yield descriptor
