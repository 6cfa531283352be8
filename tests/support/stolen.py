"""What somebody tries who has taken over a service: run there as a program, it prints what it could do, as JSON.

Arguments: the pid of hive-core, and a JSON list of the sockets to try; empty for all below /run.
"""

import ctypes
import json
import mmap
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000
PTRACE_SEIZE = 0x4206


def call(name: str, *arguments: object) -> None:
    if getattr(LIBC, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def in_child(attempt: Callable[[], object]) -> None:
    """What would change this process is done by another one."""
    if (pid := os.fork()) == 0:
        try:
            attempt()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        raise PermissionError


def set_uid_file() -> None:
    with tempfile.NamedTemporaryFile() as file:
        os.fchmod(file.fileno(), 0o4755)


def write_in(directory: str) -> None:
    with tempfile.TemporaryFile(dir=directory):
        pass


def mount_and_unmount() -> None:
    with tempfile.TemporaryDirectory() as directory:
        call("mount", b"tmpfs", directory.encode(), b"tmpfs", 0, None)
        call("umount", directory.encode())


def read_journal() -> None:
    found = [p for root in ("/run/log/journal", "/var/log/journal") for p in Path(root).glob("*/*.journal")]
    found[0].read_bytes()


def attempts(core: int) -> dict[str, Callable[[], object]]:
    return {
        "list the state": lambda: os.listdir("/var/lib/hive"),
        "read the database": lambda: Path("/var/lib/hive/core/core.sqlite").open("rb"),
        "list the gateway's state": lambda: os.listdir("/var/lib/hive-gateway"),
        "read the journal": read_journal,
        "see hive-core in /proc": lambda: os.stat(f"/proc/{core}"),
        "read hive-core's environment": lambda: Path(f"/proc/{core}/environ").open("rb"),
        "signal hive-core": lambda: os.kill(core, 0),
        "trace hive-core": lambda: call("ptrace", PTRACE_SEIZE, core, None, None),
        "read PID 1's root": lambda: os.listdir("/proc/1/root"),
        "mount": mount_and_unmount,
        "make a user namespace": lambda: in_child(lambda: call("unshare", CLONE_NEWUSER)),
        "become root": lambda: in_child(lambda: os.setresuid(0, 0, 0)),
        "change the root": lambda: in_child(lambda: os.chroot("/tmp")),
        "make a set-uid file": set_uid_file,
        "run what it wrote in memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
        "a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    }


def succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, IndexError):
        return False
    return True


def sockets_open(paths: list[str]) -> Iterator[str]:
    """Those of these unix sockets that let themselves be connected to."""
    for path in paths:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            with socket.socket(socket.AF_UNIX, kind) as client:
                client.settimeout(5)
                if succeeds(lambda client=client, path=path: client.connect(path)):  # type: ignore[misc]
                    yield path
                    break


def places_to_write() -> Iterator[str]:
    """The topmost directories in which a file can be made."""
    for root, directories, _ in os.walk("/"):
        directories[:] = [d for d in directories if (root, d) not in (("/", "proc"), ("/", "sys"))]
        if os.access(root, os.W_OK) and succeeds(lambda root=root: write_in(root)):  # type: ignore[misc]
            yield root
            directories.clear()


def sockets_there() -> list[str]:
    """Every socket below /run."""
    found = (Path(root, name) for root, _, names in os.walk("/run") for name in names)
    return sorted(str(path) for path in found if stat.S_ISSOCK(path.lstat().st_mode))


def main(core: str, paths: str) -> None:
    wanted = ("Seccomp", "NoNewPrivs", "CapBnd", "CapEff", "Uid")
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(
        json.dumps(
            {
                "status": {name: status[name].split() for name in wanted},
                "done": [name for name, attempt in attempts(int(core)).items() if succeeds(attempt)],
                "tried": list(attempts(int(core))),
                "sockets": list(sockets_open(json.loads(paths) or sockets_there())),
                "writable": list(places_to_write()),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
