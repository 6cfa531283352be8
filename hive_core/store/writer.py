"""Group commit: one thread writes, and writes that wait at the same moment share one transaction and one fsync.

Under load the queue fills while the disk is busy with the last commit, so batches grow by themselves; a lone writer
never waits for company.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from hive_core.store.connection import open_writer, storage_error
from hive_core.store.marks import Marks
from hive_core.store.migrations import migrate
from hive_rpc.errors import StorageError

MAX_BATCH = 512
"""Writes in one transaction: bounds how long the first one waits for the last."""


class Write:
    """One write on its way: what to do, who waits for it, and how it went."""

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def resolve(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def _resolve_all(batch: Sequence[Write]) -> None:
    for write in batch:
        write.resolve()


class Writer:
    """The thread that owns the writing connection."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._queue: SimpleQueue[Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self.marks = Marks()
        self.commits = 0
        self.writes = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the database, bring its schema up to date, and begin to accept writes. Blocks; raises StorageError."""
        self._connection = self._open()
        self._thread = threading.Thread(target=self._run, args=(loop,), name=f"write-{self._path.stem}", daemon=True)
        self._thread.start()

    def submit(self, write: Write) -> None:
        if self._thread is None:
            raise StorageError(f"The database {self._path.name} is not open.")
        self._queue.put(write)

    def stop(self) -> None:
        """Commit what was submitted and close. Blocks."""
        if self._thread is None:
            return
        self._queue.put(None)
        self._thread.join()
        self._thread = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        try:
            connection = open_writer(self._path)
            migrate(connection, self._schema)
            self.marks.install(connection, self._schema)
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, OSError):
                raise StorageError(f"The database {self._path} cannot be opened: {error.strerror}.") from error
            raise storage_error(error, self._path) from error
        return connection

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            if batch:
                self._commit(batch)
                if loop.is_closed():
                    return
                loop.call_soon_threadsafe(_resolve_all, batch)

    def _next_batch(self) -> tuple[list[Write], bool]:
        batch: list[Write] = []
        item = self._queue.get()
        try:
            while item is not None:
                batch.append(item)
                if len(batch) == MAX_BATCH:
                    return batch, False
                item = self._queue.get_nowait()
        except Empty:
            return batch, False
        return batch, True

    def _commit(self, batch: Sequence[Write]) -> None:
        """Run the batch in one transaction. Afterwards each write has its result or its error, and nothing is open."""
        try:
            assert self._connection is not None
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            if len(batch) == 1:
                batch[0].result = batch[0].work(connection)
            else:
                self._run_in_savepoints(connection, batch)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait have to be told
            self._give_up(batch, error)
        else:
            self.marks.publish()
            self.commits += 1
            self.writes += len(batch)

    def _run_in_savepoints(self, connection: sqlite3.Connection, batch: Sequence[Write]) -> None:
        for write in batch:
            if write.future.cancelled():
                continue
            connection.execute("SAVEPOINT one")
            try:
                write.result = write.work(connection)
            except BaseException as error:
                if not connection.in_transaction:
                    # On some errors (full, I/O) SQLite has rolled back everything: nobody of the batch was stored.
                    raise
                write.error = storage_error(error, self._path)
                connection.execute("ROLLBACK TO one")
            connection.execute("RELEASE one")

    def _give_up(self, batch: Sequence[Write], error: BaseException) -> None:
        self.marks.discard()
        meant = storage_error(error, self._path)
        for write in batch:
            write.error = write.error or meant
        # The connection stays open whatever happened: it knows which frames of the WAL were never acknowledged and
        # writes over them. Another one would find them whole after a failed sync, and take them for commits.
        if self._connection is not None and self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
