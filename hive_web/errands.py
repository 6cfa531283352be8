"""Work that may outlast the request that asked for it: to stop an agent can take minutes of draining.

A browser gets its answer soon, and sees the rest in the agent's state. Core must not see the connection close before
it is done, so the call goes on here, and is awaited when the dashboard stops.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from hive_rpc.errors import HiveError

log = logging.getLogger(__name__)


class Errands:
    """The calls under way."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._tasks: set[asyncio.Task[HiveError | None]] = set()

    async def run(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin, and wait for at most `patience` seconds; then it goes on. Raises what it raises in this time."""
        task = asyncio.create_task(_told(what, work), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if done and (error := task.result()) is not None:
            raise error

    async def finish(self) -> None:
        """End what is still under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _told(what: str, work: Coroutine[Any, Any, None]) -> HiveError | None:
    """The failure of work, which is logged in any case: when it comes late, nobody waits for it any more."""
    try:
        await work
    except HiveError as error:
        log.warning("%s: %s", what, error.sentence())
        return error
    return None
