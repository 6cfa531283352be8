"""How a connection to one of core's databases is opened, and what SQLite's errors mean to a person."""

import os
import sqlite3
from pathlib import Path

from hive_rpc.errors import StorageError

BUSY_SECONDS = 5.0
"""How long a writer waits for another process's lock."""

_MEANING = {
    sqlite3.SQLITE_FULL: ("The disk is full", "Free some space; nothing was stored, and nothing has to be restarted."),
    sqlite3.SQLITE_IOERR: ("The disk reported an error", "Look at the kernel's log and the disk; nothing was stored."),
    sqlite3.SQLITE_BUSY: ("The database is locked by another program", "End what else has it open, then try again."),
    sqlite3.SQLITE_LOCKED: ("The database is locked by another program", "End what else has it open, then try again."),
    sqlite3.SQLITE_READONLY: ("The database cannot be written", "Check that its file system is mounted read-write."),
    sqlite3.SQLITE_CANTOPEN: ("The database cannot be opened", "Check the directory's permissions and free space."),
    sqlite3.SQLITE_CORRUPT: ("The database is damaged", "Stop hive-core and restore it from a backup."),
    sqlite3.SQLITE_NOTADB: ("The database is damaged", "Stop hive-core and restore it from a backup."),
    sqlite3.SQLITE_NOMEM: ("There is not enough memory", "Free memory, then try again."),
}


def storage_error(error: BaseException, path: Path) -> BaseException:
    """The StorageError for what the machine did to us; anything else (a bug, a refused value) comes back as it is."""
    if not isinstance(error, sqlite3.DatabaseError):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    meaning = _MEANING.get(code & 0xFF) if code is not None else None
    if meaning is None:
        return error
    what, remedy = meaning
    made = StorageError(f"{what} ({path.name}: {error}).", hint=remedy)
    made.__cause__ = error
    return made


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes. Makes the file, readable by its owner only, if it is not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the -wal and -shm files the permissions of the database, so it is enough to make this one private.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    # Only has an effect before the first table is made; lets the file shrink in small steps later.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Debian's SQLite overwrites deleted content even where that costs extra writes; FAST does it where it is free.
    connection.execute("PRAGMA secure_delete = FAST")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. The writer's must have been opened before it."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=ro")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(uri: str) -> sqlite3.Connection:
    # isolation_level None: we write BEGIN and COMMIT ourselves; Python's implicit transactions know no savepoints.
    # check_same_thread off: each connection has one thread, but it is closed by whoever ends that thread.
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.row_factory = sqlite3.Row
    return connection
