"""Doing something when it is due, without ticking: sleep until the next due time, or until told of an earlier one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from hive_base.clock import Clock
from hive_core.wakes import Wakes
from hive_rpc.errors import StorageError

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""After the database refused: it may work again any moment, and core need not be restarted for it."""
_SHORTEST = 0.05


class Alarm:
    """`due` does what is due by now and says when the next is, None for never."""

    def __init__(self, clock: Clock, due: Callable[[], Awaitable[datetime | None]], *, max_sleep: float = 3600) -> None:
        self._clock = clock
        self._due = due
        self._max_sleep = max_sleep
        self._wakes = Wakes(clock)
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something may be due earlier than it was."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled. Never sleeps longer than `max_sleep`, in case the wall clock is set meanwhile."""
        while True:
            self._changed.clear()
            try:
                moment = await self._due()
            except StorageError as error:
                log.error("Put off for %g s: %s", RETRY_SECONDS, error.sentence())
                await self._clock.sleep(RETRY_SECONDS)
                continue
            seconds = self._max_sleep
            if moment is not None:
                seconds = min(seconds, max(_SHORTEST, (moment - self._clock.now()).total_seconds()))
            await self._wakes.wait(self._changed, seconds)
