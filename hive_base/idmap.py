"""Whether this kernel can id-map a mount of a given file system, found out by doing it and throwing the mount away.

No version number answers this: it needs Linux 5.12 and a file system that supports it (mount_setattr(2)). As a program
it prints which of the directories that it is given cannot be, one a line.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

# The same numbers on every architecture (include/uapi/asm-generic/unistd.h).
_SYS_OPEN_TREE = 428
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_MOUNT_ATTR_IDMAP = 0x100000


class _MountAttr(ctypes.Structure):
    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def can_idmap(directory: Path) -> bool:
    """Needs root. Raises OSError where user namespaces cannot be made at all."""
    libc = ctypes.CDLL(None, use_errno=True)
    tree = libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(directory), _OPEN_TREE_CLONE | os.O_CLOEXEC)
    if tree < 0:
        return False
    try:
        namespace = _user_namespace()
        try:
            attributes = _MountAttr(attr_set=_MOUNT_ATTR_IDMAP, userns_fd=namespace)
            size = ctypes.sizeof(attributes)
            done = libc.syscall(_SYS_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, ctypes.byref(attributes), size)
            return bool(done == 0)
        finally:
            os.close(namespace)
    finally:
        os.close(tree)


def _user_namespace() -> int:
    """A descriptor of a fresh user namespace that maps one uid."""
    # `echo` says that the maps are written; `read` keeps the namespace until standard input is closed.
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", "echo; read _")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdin
        assert child.stdout
        if not child.stdout.readline():
            raise OSError("user namespaces cannot be made")
        fd = os.open(f"/proc/{child.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        child.stdin.close()
        return fd


if __name__ == "__main__":
    for word in sys.argv[1:]:
        if not can_idmap(Path(word)):
            print(word)  # noqa: T201 - its answer
