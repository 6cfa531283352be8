"""Sockets: paths of any length, who is at the other end, rights that hold from the first moment, and their end."""

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from hive_rpc.errors import ConflictError, ForbiddenError, UnavailableError

MAX_SUN_PATH = 107
"""Bytes of a path that fit into `sockaddr_un`, without its NUL (unix(7))."""
BACKLOG = 1024
CONNECT_SECONDS = 10.0
"""How long a connect waits for a server whose backlog is full."""
LINGER_SECONDS = 10.0
"""For what was written last; whoever reads nothing would hold a connection for ever."""
_PEERCRED = struct.Struct("iII")


@contextlib.asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """What was written still arrives, if the other side takes it soon. Where the block fails, it is cut off at once."""
    try:
        yield
        writer.close()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(LINGER_SECONDS):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


@dataclass(frozen=True)
class Peer:
    """The process at the other end when it connected, as the kernel knows it (SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    return Peer(*_PEERCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)))


@contextlib.contextmanager
def address_of(path: Path) -> Iterator[str]:
    """What to give to `bind` and `connect` for a path: a long one is reached through its directory's descriptor."""
    if len(os.fsencode(path)) <= MAX_SUN_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


async def connect(path: Path) -> socket.socket:
    """A connected socket. Raises UnavailableError when nobody serves the path, ForbiddenError when we may not."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        with address_of(path) as address:
            await _connect(connection, address)
    except BaseException as error:
        connection.close()
        match error:
            case PermissionError():
                raise ForbiddenError(f"You may not open {path}.", hint="Its owner, its group and root may.") from error
            case FileNotFoundError() | ConnectionRefusedError() | NotADirectoryError():
                raise UnavailableError(f"Nothing answers on {path}.", hint="Is its server running?") from error
            case OSError():
                raise UnavailableError(f"Cannot connect to {path}: {error}.", hint="Try again.") from error
        raise
    return connection


async def _connect(connection: socket.socket, address: str) -> None:
    async with asyncio.timeout(CONNECT_SECONDS):
        while True:
            try:
                connection.connect(address)
                return
            except BlockingIOError:
                # The backlog is full (connect(2)). Nothing is under way, as it would be with TCP, so asyncio's own
                # `sock_connect` would report a connection that is not there.
                await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Listening:
    """A listening socket and the file that it made."""

    socket: socket.socket
    path: Path
    inode: int

    def remove(self) -> None:
        """Remove the file, unless another server has put its own there since."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self.inode:
                self.path.unlink()


def listen(path: Path, *, mode: int, uid: int, gid: int) -> Listening:
    """Listen at `path`; -1 keeps this process's own uid or gid. A dead server's socket is replaced.

    Raises ConflictError when a living server listens there, OSError when the path cannot be had.
    """
    with address_of(path) as address, contextlib.ExitStack() as undo:
        _remove_stale(path, address)
        listening = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listening.setblocking(False)
        listening.bind(address)
        undo.callback(path.unlink, missing_ok=True)
        path.chmod(mode)
        if (uid, gid) != (-1, -1):
            # Not called without need: an unprivileged server's system call filter refuses it even then.
            os.chown(path, uid, gid)
        # Until now a connect was refused: nobody got in while the socket had other rights than it should.
        listening.listen(BACKLOG)
        undo.pop_all()
        return Listening(listening, path, path.stat().st_ino)


def _remove_stale(path: Path, address: str) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConflictError(f"{path} is there and is not a socket.", hint="Move it away.")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            # A full backlog: somebody listens.
            pass
    raise ConflictError(f"Another process already serves {path}.", hint="Stop it first.")
