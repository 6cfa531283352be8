"""The verbs of notes."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hive_base.clock import Clock
from hive_core.rates import Rate, Rates
from hive_core.store import Database, Queries, from_ms, to_ms
from hive_rpc.errors import RateLimitedError, TooLargeError
from hive_rpc.types import Event, EventKind

SQL = Queries("hive_core.notes")
MAX_LENGTH = 200
"""Characters."""
_RATE = Rate(burst=20, per_second=0.2)


@dataclass(frozen=True)
class Note:
    text: str
    at: datetime


class Notes:
    """`tell` is the event store's, so that those who watch see a new note."""

    def __init__(self, database: Database, clock: Clock, tell: Callable[[str, Event], None]) -> None:
        self._db = database
        self._clock = clock
        self._tell = tell
        self._rates = Rates(clock, _RATE)

    async def set(self, agent: str, text: str) -> None:
        """Replace the agent's note; an empty text takes it away. Raises TooLargeError, RateLimitedError."""
        line = " ".join(text.split())
        if len(line) > MAX_LENGTH:
            raise TooLargeError(
                f"The status has {len(line)} characters; {MAX_LENGTH} is the limit.",
                hint="Say it in one short sentence.",
                limit=MAX_LENGTH,
            )
        wait = self._rates.take(agent)
        if wait > 0:
            raise RateLimitedError("The status changes too often.", hint=f"Wait {wait:.0f} s.", retry_after=wait)
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(SQL.set if line else SQL.clear, {"agent": agent, "text": line, "now": to_ms(now)})

        await self._db.write(write)
        self._tell(agent, Event(kind=EventKind.NOTICE, at=now, text=f"status: {line}" if line else "status: none"))

    async def all(self) -> dict[str, Note]:
        """By agent."""
        return await self._db.read(read_notes)


def read_notes(connection: sqlite3.Connection) -> dict[str, Note]:
    """By agent."""
    return {row["agent"]: Note(row["text"], from_ms(row["at"])) for row in connection.execute(SQL.all)}
