"""Results of systemd's jobs.

JobRemoved of a job that is finished at once arrives before the reply that tells the job's path has been handled, so
results are collected from before the job is asked for.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from hive_rpc.errors import HiveError


class Jobs:
    """Jobs that were asked for and are not finished."""

    def __init__(self) -> None:
        self._askers = 0
        self._early: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Future[str]] = {}

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Collect results, also of jobs whose path is not known yet."""
        self._askers += 1
        try:
            yield
        finally:
            self._askers -= 1
            if not self._askers:
                self._early.clear()

    async def result(self, job: str) -> str:
        """`done`, `failed`, `timeout`, `canceled`, `dependency`, `skipped` …; call it inside `asking`."""
        if job in self._early:
            return self._early.pop(job)
        # Two callers get the same job when they ask for the same thing.
        future = self._waiting.setdefault(job, asyncio.get_running_loop().create_future())
        return await asyncio.shield(future)

    def removed(self, job: str, result: str) -> None:
        """systemd's JobRemoved."""
        future = self._waiting.pop(job, None)
        if future is not None:
            future.set_result(result)
        if self._askers:
            self._early[job] = result

    def lost(self, error: HiveError) -> None:
        """Nobody will tell how they end."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(error)
            future.exception()  # a waiter that was cancelled will not fetch it
