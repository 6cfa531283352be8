"""A turn's limits, and the time that is not the turn's."""

import asyncio

import pytest

from hive_agent.classify import Cancel
from hive_agent.harness.watchdog import Watchdog
from hive_rpc.interfaces.agent import Settings
from tests.support.agent_loop import FakeRunners
from tests.support.manual_clock import ManualClock


@pytest.mark.parametrize(
    ("limits", "cause"),
    [({"turn_limit_seconds": 100}, Cancel.TIME_LIMIT), ({"silence_limit_seconds": 100}, Cancel.SILENCE)],
)
async def test_no_limit_runs_while_an_operator_is_asked(limits: dict[str, float], cause: Cancel) -> None:
    clock, waited = ManualClock(), 0.0
    runners = FakeRunners(lambda *_: None)  # type: ignore[arg-type,return-value]
    settings = Settings.model_validate(limits)
    watchdog = Watchdog(runners, asyncio.Event(), settings, clock, waited=lambda: waited)
    watching = asyncio.ensure_future(watchdog.run())
    await clock.advance(90)
    waited = 5000.0
    await clock.advance(5000)
    await clock.advance(9)
    assert watchdog.cut_short is None
    await clock.advance(2)
    assert watchdog.cut_short is not None
    assert watchdog.cut_short.cancel is cause
    watching.cancel()
    await asyncio.wait([watching])
