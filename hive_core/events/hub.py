"""Those who watch, live. Stored events are read from the table at each wake, so there is no gap, nothing comes twice,
and somebody slow costs no memory; only the fleeting text deltas wait in a queue, and that one is bounded.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hive_core.events.rows import SQL, fitting
from hive_core.store import Database
from hive_rpc.interfaces.operator.events import WatchReply
from hive_rpc.types import Event

MAX_DELTA_BYTES = 128 * 1024
"""Of text waiting for one watcher; beyond it the watcher is reset."""
_PAGE = 500
_PAGE_BYTES = 512 * 1024


@dataclass(eq=False)
class _Watcher:
    agent: str | None
    deltas: bool
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: deque[tuple[int, Event]] = field(default_factory=deque)
    """Deltas, each with the id of the stored event that it follows."""
    waiting_bytes: int = 0
    overflowed: bool = False

    def follows(self, agent: str) -> bool:
        return self.agent is None or self.agent == agent

    def offer(self, after: int, delta: Event) -> None:
        self.waiting_bytes += len((delta.text or "").encode(errors="replace"))
        self.waiting.append((after, delta))
        if self.waiting_bytes > MAX_DELTA_BYTES:
            self.drop()
            self.overflowed = True
        self.woken.set()

    def drop(self) -> None:
        self.waiting.clear()
        self.waiting_bytes = 0

    def take(self, up_to: int) -> list[tuple[int, Event]]:
        """The deltas that follow what has been read; their order among themselves is kept."""
        taken = [d for d in self.waiting if d[0] <= up_to]
        self.waiting = deque(d for d in self.waiting if d[0] > up_to)
        self.waiting_bytes = sum(len((d.text or "").encode(errors="replace")) for _, d in self.waiting)
        return taken


@dataclass(frozen=True)
class _Page:
    events: Sequence[Event]
    cursor: int
    full: bool
    """There may be more at once."""
    reset: bool


class Hub:
    """Who watches, and what they get."""

    def __init__(self, database: Database, begun_after: int = 0) -> None:
        self._db = database
        self._begun_after = begun_after
        """The newest event of an earlier run of core's."""
        self._watchers: set[_Watcher] = set()
        self._newest: dict[str, int] = {}
        """The last event of each agent that was stored in this run; its next delta follows it."""
        self.newest = 0
        """The newest event that was told as stored; there may be newer ones. 0 before the first."""

    @classmethod
    async def of(cls, database: Database) -> "Hub":
        """For a table that may hold events already."""
        return cls(database, begun_after=await database.read(_newest_id))

    def stored(self, agent: str, event_id: int) -> None:
        """Something of this agent is in the table now."""
        self._newest[agent] = max(event_id, self._newest.get(agent, 0))
        self.newest = max(event_id, self.newest)
        for watcher in self._watchers:
            if watcher.follows(agent):
                watcher.woken.set()

    def delta(self, agent: str, delta: Event) -> None:
        """A piece of text, after what `stored` was last called with for this agent."""
        for watcher in self._watchers:
            if watcher.deltas and watcher.follows(agent):
                watcher.offer(self._newest.get(agent, self._begun_after), delta)

    async def watch(
        self, agent: str | None = None, *, after: int | None = None, deltas: bool = False
    ) -> AsyncGenerator[WatchReply, None]:
        """What happened since the event `after` (None: since now), then what happens. The first reply comes at once."""
        with self._watching(_Watcher(agent, deltas)) as watcher:
            cursor = after if after is not None else await self._db.read(_newest_id)
            first = True
            while True:
                watcher.woken.clear()
                page = await self._db.read(lambda c: _read(c, agent, cursor))  # noqa: B023 - awaited in this round
                if page.reset or watcher.overflowed:
                    watcher.drop()
                    watcher.overflowed = False
                    cursor = await self._db.read(_newest_id)
                    yield WatchReply(events=[], cursor=cursor, reset=True)
                else:
                    cursor = page.cursor
                    merged = [((e.id, 0), e) for e in page.events]
                    merged += [((follows, 1), delta) for follows, delta in watcher.take(cursor)]
                    events = [event for _, event in sorted(merged, key=lambda m: m[0])]
                    if events or first:
                        yield WatchReply(events=events, cursor=cursor)
                first = False
                if not page.full or page.reset:
                    await watcher.woken.wait()

    @contextmanager
    def _watching(self, watcher: _Watcher) -> Iterator[_Watcher]:
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)


def _newest_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute(SQL.newest).fetchone()[0])


def _read(connection: sqlite3.Connection, agent: str | None, after: int) -> _Page:
    # The newest id first: whatever is stored between the two reads is then at worst read again, never skipped.
    newest = _newest_id(connection)
    if after > newest or after < connection.execute(SQL.horizon).fetchone()[0]:
        return _Page((), after, False, True)
    query = SQL.after if agent is None else SQL.after_of_agent
    rows = connection.execute(query, {"agent": agent, "after": after, "limit": _PAGE}).fetchall()
    events = fitting(rows, _PAGE_BYTES)
    full = len(events) < len(rows) or len(rows) == _PAGE
    last = events[-1].id if events else after
    return _Page(events, last if full else max(last, newest), full, False)
