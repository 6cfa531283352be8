"""The clock of tests, which never sleep."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock that moves only when a test says so; sleepers wake in order of their time."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move on, waking each sleeper at its moment and letting it run."""
        end = self._elapsed + seconds
        while True:
            due = [s for s in self._sleepers if s[0] <= end and not s[1].done()]
            if not due:
                break
            moment, future = min(due, key=lambda s: s[0])
            self._sleepers.remove((moment, future))
            self._elapsed = max(self._elapsed, moment)
            future.set_result(None)
            await self._settle()
        self._elapsed = end
        await self._settle()

    @staticmethod
    async def _settle() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
