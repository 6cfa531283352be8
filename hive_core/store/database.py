"""One SQLite database: writes through one thread with group commit, reads on connections that cannot write."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self, TypeVar, cast

from hive_core.store.connection import open_reader, storage_error
from hive_core.store.marks import Marks
from hive_core.store.writer import Write, Writer

log = logging.getLogger(__name__)

T = TypeVar("T")
READERS = 2


class Database:
    """`schema` names the folder of migrations, `core` or `events`. A context manager, or `open` and `close`.

    `write` and `read` take a function of the connection, which runs in another thread: it gets what it needs as
    arguments and returns plain values. Both raise StorageError when the disk or the database refuses; the next call
    tries anew, nothing has to be restarted.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._writer = Writer(path, schema)
        self._local = threading.local()
        self._readers: ThreadPoolExecutor | None = None
        self._open_readers: list[sqlite3.Connection] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._writer.start, loop)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix=f"read-{self.path.stem}")

    async def close(self) -> None:
        """Commit what is under way, then close."""
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
            self._readers = None
        while self._open_readers:
            self._open_readers.pop().close()
        self._local = threading.local()
        # Last, so that it is the writer's connection that folds the WAL into the database.
        await asyncio.to_thread(self._writer.stop)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def marks(self) -> Marks:
        """What its commits have touched."""
        return self._writer.marks

    @property
    def commits(self) -> int:
        """Transactions committed since it was opened."""
        return self._writer.commits

    @property
    def writes(self) -> int:
        """Writes that those transactions carried."""
        return self._writer.writes

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction, perhaps with other writes; returns when it is on the disk.

        What `work` raises undoes this write alone and is raised here. Cancelling the caller may or may not undo it.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(Write(work, future))
        return await future

    def post(self, work: Callable[[sqlite3.Connection], T], then: Callable[[T], None]) -> None:
        """Write without waiting, in order with the other writes; `then` gets the result on the loop, once it is stored.

        A failure is only logged: for what may be lost, and for what is stored elsewhere already.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(partial(self._posted, then=then))
        self._writer.submit(Write(work, future))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on a connection that sees everything committed before this call."""
        if self._readers is None:
            raise RuntimeError(f"{self.path} is not open")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = cast(sqlite3.Connection | None, getattr(self._local, "connection", None))
            if connection is None:
                connection = self._local.connection = open_reader(self.path)
                self._open_readers.append(connection)
            return work(connection)
        except sqlite3.DatabaseError as error:
            raise storage_error(error, self.path) from error

    def _posted(self, future: asyncio.Future[T], *, then: Callable[[T], None]) -> None:
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            log.error("%s: a write failed: %s", self.path.name, error)
        else:
            then(future.result())
