"""How many bytes each agent has moved on a day (UTC), kept in the book, so that a restart gives nobody a new day."""

from datetime import date, timedelta

from hive_base.clock import Clock
from hive_gateway.book import Book

KEPT = timedelta(days=100)
"""How long days stay in the book."""
UNWRITTEN = 4 * 1024**2
"""Bytes of an agent that may be lost when the gateway is killed."""
_IN_MEMORY = 3
"""Days of each agent: more than the present one, because a clock that was set wrong is set back again."""


class Volume:
    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._days: dict[str, dict[date, int]] = {}
        self._unwritten: dict[tuple[str, date], int] = {}

    async def load(self) -> None:
        """Take over what was moved before this start. Raises StorageError."""
        for agent, day, size in await self._book.moved(self._today(), KEPT):
            self._add(agent, day, size)

    def today(self, agent: str) -> int:
        return self._days.get(agent, {}).get(self._today(), 0)

    def add(self, agent: str, size: int) -> None:
        day = self._today()
        self._add(agent, day, size)
        key = agent, day
        self._unwritten[key] = self._unwritten.get(key, 0) + size
        if self._unwritten[key] >= UNWRITTEN:
            self._write(key)

    def write(self, agent: str) -> None:
        """Write down all that an agent has moved. Does not wait."""
        for key in [key for key in self._unwritten if key[0] == agent]:
            self._write(key)

    def _write(self, key: tuple[str, date]) -> None:
        self._book.post_moved(*key, self._unwritten.pop(key))

    def _add(self, agent: str, day: date, size: int) -> None:
        days = self._days.setdefault(agent, {})
        if day not in days and len(days) == _IN_MEMORY:
            del days[next(iter(days))]
        days[day] = days.get(day, 0) + size

    def _today(self) -> date:
        return self._clock.now().date()
