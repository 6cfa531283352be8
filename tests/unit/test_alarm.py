"""Doing things when they are due, and going on when the disk refused for a while."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from hive_core.alarm import RETRY_SECONDS, Alarm
from hive_rpc.errors import StorageError
from tests.support.manual_clock import ManualClock


async def until(clock: ManualClock, done: Callable[[], bool], step: float) -> None:
    while not done():
        await clock.advance(step)


async def test_it_does_nothing_until_the_moment_it_was_told() -> None:
    clock = ManualClock()
    calls: list[float] = []

    async def due() -> datetime:
        calls.append(clock.monotonic())
        return clock.now() + timedelta(seconds=100)

    running = asyncio.ensure_future(Alarm(clock, due).run())
    await clock.advance(0)
    await until(clock, lambda: len(calls) == 3, 10)
    assert calls == [0, 100, 200]
    running.cancel()


async def test_a_change_makes_it_look_again_at_once() -> None:
    clock = ManualClock()
    calls: list[float] = []

    async def due() -> None:
        calls.append(clock.monotonic())

    alarm = Alarm(clock, due)
    running = asyncio.ensure_future(alarm.run())
    await until(clock, lambda: len(calls) == 1, 1)
    alarm.changed()
    await until(clock, lambda: len(calls) == 2, 1)
    assert calls[1] < 5
    running.cancel()


async def test_a_refusal_of_the_disk_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    calls: list[float] = []

    async def due() -> None:
        calls.append(clock.monotonic())
        if len(calls) < 3:
            raise StorageError("The disk is full.", hint="Free some space.")

    running = asyncio.ensure_future(Alarm(clock, due).run())
    await until(clock, lambda: len(calls) == 3, RETRY_SECONDS)
    assert len(caplog.records) == 2
    assert not running.done()
    running.cancel()


async def test_what_is_no_matter_of_the_disk_ends_it() -> None:
    async def due() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await Alarm(ManualClock(), due).run()
