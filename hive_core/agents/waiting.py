"""Waiting with a limit that the injected clock keeps."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hive_base.clock import Clock


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, None]) -> bool:
    """Wait for `work` so long at most, then cancel it; True when it came to its end. What it raises is raised here."""
    working = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((working, timer), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
            return True
        return False
    finally:
        working.cancel()
        timer.cancel()
        await asyncio.wait((working, timer))
