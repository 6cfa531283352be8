"""Waking those who wait for messages. Only ever shortens a wait: what there is to do is read from the table."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from hive_base.clock import Clock


class Wakes:
    """Waiters by the name they wait for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set at each notification. Listen first, then read the table: nothing falls between."""
        event = asyncio.Event()
        self._waiting.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            waiters = self._waiting[name]
            waiters.discard(event)
            if not waiters:
                del self._waiting[name]

    def notify(self, name: str) -> None:
        for event in self._waiting.get(name, ()):
            event.set()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Until the event is set (it is cleared) or the time has passed."""
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._alarm(event, seconds))
            await event.wait()
            alarm.cancel()
        event.clear()

    async def _alarm(self, event: asyncio.Event, seconds: float) -> None:
        await self._clock.sleep(seconds)
        event.set()
