"""The socket on which nspawn tells how its container fares (sd_notify(3))."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Notice:
    ready: bool
    leader: int | None
    """The pid of the container's PID 1, as this machine counts."""


def parse(datagram: bytes) -> Notice:
    text = datagram.decode(errors="replace")
    leader = re.search(r"^X_NSPAWN_LEADER_PID=(\d+)$", text, re.MULTILINE)
    return Notice(ready="READY=1" in text.splitlines(), leader=int(leader[1]) if leader else None)


@contextmanager
def listening(path: Path, heard: Callable[[Notice], None]) -> Iterator[None]:
    """Read the socket at `path` for as long as the context lasts.

    That must be the whole life of nspawn: it forwards each status message of the container's systemd, blocks when ten
    are unread (net.unix.max_dgram_qlen), and then no longer sees the signal that should stop it.
    """
    loop = asyncio.get_running_loop()
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as receiver:
        receiver.bind(str(path))

        def readable() -> None:
            try:
                datagram = receiver.recv(8192)
            except BlockingIOError:
                return
            heard(parse(datagram))

        loop.add_reader(receiver, readable)
        try:
            yield
        finally:
            loop.remove_reader(receiver)
            path.unlink(missing_ok=True)
