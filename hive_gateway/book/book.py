"""The gateway's SQLite file: one thread owns it, and writes that wait at the same moment share one commit and fsync."""

import asyncio
import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from hive_base.prices import Tokens
from hive_rpc.accounts import EgressEntry, HoldKind, Verdict
from hive_rpc.errors import StorageError

VERSION = 2
"""Of the schema: there is a script for each step, `schema_<version>.sql`."""
_BATCH = 512
KEPT_EGRESS = 100_000
"""Entries of the egress log."""

_EPOCH = date(1970, 1, 1)
T = TypeVar("T")

log = logging.getLogger(__name__)


def _queries() -> Mapping[str, str]:
    text = resources.files("hive_gateway.book").joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[0::2], parts[1::2], strict=True)}


SQL = _queries()


@dataclass(frozen=True)
class Spent:
    """One request, as it was metered."""

    id: str
    at: datetime
    agent: str
    account: str
    model: str
    priced_as: str
    tokens: Tokens
    searches: int
    nano_usd: int
    exact: bool


@dataclass(frozen=True)
class HeldAccount:
    """An account that its own limit holds, or whose credential was refused."""

    account: str
    kind: HoldKind
    reason: str
    until: datetime
    claim: str | None = None
    """Which of a subscription's limits, in the API's words: `five_hour`, `seven_day`."""


class _Work:
    __slots__ = ("done", "future", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any], future: asyncio.Future[Any] | None) -> None:
        self.work = work
        self.future = future
        self.done: tuple[Any, BaseException | None] = (None, None)


class Book:
    """Open from `open` to `close`. What is awaited is on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Raises StorageError."""
        connection = await asyncio.to_thread(self._connect)
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(connection, loop), name="book", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Return when everything that was handed in is written."""
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def spend(self, spent: Spent) -> None:
        """Write down a request, or correct it."""
        await self._do(lambda c: c.execute(SQL["put"], _row(spent)))

    def post_spend(self, spent: Spent) -> None:
        """The same without waiting, for when there is nobody left who could."""
        self._queue.put(_Work(lambda c: c.execute(SQL["put"], _row(spent)), None))

    async def spent_since(self, moment: datetime) -> Sequence[tuple[datetime, str, str, int, int]]:
        """Each request since then: when, agent, account, billionths of a dollar, tokens."""
        return await self._do(
            lambda c: [
                (from_ms(row["at"]), row["agent"], row["account"], row["nano_usd"], row["tokens"])
                for row in c.execute(SQL["since"], {"at": to_ms(moment)})
            ]
        )

    async def forget(self, now: datetime, kept: timedelta) -> None:
        """Delete requests that are older than that."""
        times = {"now": to_ms(now), "kept": round(kept.total_seconds() * 1000)}
        await self._do(lambda c: c.execute(SQL["forget"], times))

    async def hold(self, held: HeldAccount) -> None:
        row = {**asdict(held), "kind": held.kind.value, "until": to_ms(held.until)}
        await self._do(lambda c: c.execute(SQL["put_hold"], row))

    async def release(self, account: str) -> None:
        await self._do(lambda c: c.execute(SQL["drop_hold"], {"account": account}))

    async def holds(self) -> Sequence[HeldAccount]:
        return await self._do(
            lambda c: [
                HeldAccount(row["account"], HoldKind(row["kind"]), row["reason"], from_ms(row["until"]), row["claim"])
                for row in c.execute(SQL["holds"])
            ]
        )

    def post_egress(self, entry: EgressEntry) -> None:
        """Add an entry to the log; its id is given here."""
        row = {**entry.model_dump(exclude={"id"}), "at": to_ms(entry.at), "verdict": entry.verdict.value}

        def add(connection: sqlite3.Connection) -> None:
            number = connection.execute(SQL["put_egress"], row).lastrowid or 0
            if number % 1000 == 0:
                connection.execute(SQL["trim_egress"], {"keep": KEPT_EGRESS})

        self._queue.put(_Work(add, None))

    def post_moved(self, agent: str, day: date, size: int) -> None:
        """An agent has moved so many bytes more on a day."""
        row = {"agent": agent, "day": (day - _EPOCH).days, "bytes": size}
        self._queue.put(_Work(lambda c: c.execute(SQL["add_moved"], row), None))

    async def moved(self, today: date, kept: timedelta) -> Sequence[tuple[str, date, int]]:
        """Agent, day and bytes, the oldest first; those of days that are older than that are deleted."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, date, int]]:
            connection.execute(SQL["forget_moved"], {"day": (today - _EPOCH).days, "kept": kept.days})
            rows = connection.execute(SQL["moved"])
            return [(row["agent"], _EPOCH + timedelta(days=row["day"]), row["bytes"]) for row in rows]

        return await self._do(read)

    async def egress(self, *, agent: str | None, before: int | None, limit: int) -> list[EgressEntry]:
        """Newest first."""
        parameters = {"agent": agent, "before": 2**63 - 1 if before is None else before, "limit": limit}
        return await self._do(
            lambda c: [
                EgressEntry(**{**row, "at": from_ms(row["at"]), "verdict": Verdict(row["verdict"])})
                for row in map(dict, c.execute(SQL["egress"], parameters))
            ]
        )

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Work(work, future))
        return await future

    def _connect(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its other files the permissions of this one.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # What was spent is on the disk before the answer ends: a power cut forgets none of it.
            connection.execute("PRAGMA synchronous = FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for step in range(version + 1, VERSION + 1):
                schema = resources.files("hive_gateway.book").joinpath(f"schema_{step}.sql").read_text("utf-8")
                connection.executescript(f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA user_version = {step:d};\nCOMMIT;")
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"The gateway's book {self._path} cannot be opened: {error}.",
                hint="Check its directory, which must be the gateway's own, and the room on the disk.",
            ) from error
        return connection

    def _run(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        ended = False
        while not ended:
            batch = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == _BATCH or self._queue.empty():
                    break
                item = self._queue.get()
            ended = item is None
            self._commit(connection, batch)
            if not loop.is_closed():
                loop.call_soon_threadsafe(_tell, batch)
        connection.close()

    @staticmethod
    def _commit(connection: sqlite3.Connection, batch: Sequence[_Work]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for item in batch:
                try:
                    item.done = (item.work(connection), None)
                except (OverflowError, UnicodeError) as error:
                    # What SQLite has no room for is nobody else's trouble, and no end of this thread.
                    item.done = (None, error)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for item in batch:
                item.done = (None, error)


def _tell(batch: Sequence[_Work]) -> None:
    for item in batch:
        result, error = item.done
        if error is not None:
            log.error("the gateway's book could not be written: %s", error)
        if item.future is None or item.future.done():
            continue
        if error is None:
            item.future.set_result(result)
        else:
            item.future.set_exception(
                StorageError(f"The gateway's book cannot be written: {error}.", hint="Look at the room on its disk.")
            )


def _row(spent: Spent) -> dict[str, object]:
    tokens = asdict(spent.tokens)
    return {**asdict(spent), **tokens, "tokens": None, "at": to_ms(spent.at), "exact": int(spent.exact)}


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
