"""Work on agents' lives. It belongs to the hive and not to who asked for it: a caller who goes away while a container
boots or drains does not leave it half-way."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from hive_rpc.errors import HiveError, UnavailableError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Work:
    """Runs what it is given as long as `run` runs."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._begun = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled, which cancels what is under way."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._begun.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None

    async def begun(self) -> None:
        """Wait until it runs."""
        await self._begun.wait()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done, and wait for how it ends. Cancelling the caller ends the waiting only.

        Raises UnavailableError when core is stopped before it is done.
        """
        try:
            await self._begun.wait()
        except asyncio.CancelledError:
            work.close()
            raise
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._group is None:
            work.close()
            raise _stopped()
        self._task(_carry(work, outcome), work)
        return await asyncio.shield(outcome)

    def start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Have it done; nobody waits, so a failure is logged. Once `run` has ended, nothing is begun any more."""
        self._task(_logged(what, work), work)

    def _task(self, carrier: Coroutine[Any, Any, None], work: Coroutine[Any, Any, Any]) -> None:
        if self._group is not None:
            self._group.create_task(carrier)
            return
        carrier.close()
        work.close()


async def _carry(work: Coroutine[Any, Any, T], outcome: asyncio.Future[T]) -> None:
    try:
        result = await work
    except asyncio.CancelledError:
        outcome.set_exception(_stopped())
        outcome.exception()
        raise
    except Exception as error:  # noqa: BLE001 - it is the caller's, who may be gone
        outcome.set_exception(error)
        outcome.exception()
    else:
        outcome.set_result(result)


def _stopped() -> UnavailableError:
    return UnavailableError("Core is being stopped.", hint="Its next start carries on with what was begun.")


async def _logged(what: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except HiveError as error:
        log.warning("%s: %s", what, error.sentence())
    except Exception:
        log.exception("%s", what)
