"""Work that goes on beside something else, owned by it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def alongside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Work that goes on as long as the block; if some of it fails, the block ends with an ExceptionGroup of it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(w) for w in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
