"""Small shapes of structured concurrency that asyncio does not bring along."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from hive_base.clock import Clock

T = TypeVar("T")

log = logging.getLogger(__name__)


async def first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Run all until the first one ends, cancel the others; raises what that first one raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _end(*tasks)


async def unless(stop: Coroutine[Any, Any, Any], work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None when `stop` ends first; the work is then cancelled."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop)
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await _end(working, stopping)


async def happens_within(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Wait for the event for so long; whether it came."""
    await unless(event.wait(), clock.sleep(seconds))
    return event.is_set()


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` while the block runs, and cancel it at the end. It must take care of its own failures.

    Not a task group: what the block raises goes on as it is, not wrapped into an ExceptionGroup.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await _end(task)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            log.debug("A task that was no longer needed failed: %r", error)
