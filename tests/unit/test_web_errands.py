"""Work that may outlast the request that asked for it."""

import asyncio

import pytest

from hive_rpc.errors import ConflictError
from hive_web.errands import Errands


async def test_a_quick_failure_reaches_whoever_asked() -> None:
    async def refused() -> None:
        raise ConflictError("worker runs already.")

    with pytest.raises(ConflictError, match="runs already"):
        await Errands(patience=60).run("start worker", refused())


async def test_a_slow_errand_goes_on_alone_and_its_late_failure_harms_nobody() -> None:
    go_on, over = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        await go_on.wait()
        over.set()
        raise ConflictError("too late")

    errands = Errands(patience=0)
    await errands.run("stop worker", slow())
    go_on.set()
    await over.wait()
    await errands.finish()


async def test_what_is_under_way_when_the_dashboard_stops_is_ended() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    errands = Errands(patience=0)
    await errands.run("stop worker", endless())
    await begun.wait()
    await errands.finish()
    assert ended.is_set()
