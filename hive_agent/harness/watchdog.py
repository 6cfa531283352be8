"""Ends a turn that must not go on: at an operator's wish, at its time limit, or when it has gone silent."""

import asyncio
import logging
from collections.abc import Callable

from hive_agent.classify import Cancel
from hive_agent.harness.runners import Runners
from hive_agent.harness.verdict import CutShort
from hive_agent.tasks import happens_within
from hive_base.clock import Clock
from hive_rpc.interfaces.agent import Settings

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""How long the CLI may take to obey an interrupt before everything is killed."""


class Watchdog:
    """Watches one turn. `run` returns when it has cut the turn short, and otherwise never.

    `waited` counts the seconds that were spent waiting for an operator's answer, which are not the turn's.
    """

    def __init__(
        self,
        runners: Runners,
        cancel: asyncio.Event,
        settings: Settings,
        clock: Clock,
        *,
        waited: Callable[[], float],
    ) -> None:
        self._runners = runners
        self._cancel = cancel
        self._settings = settings
        self._clock = clock
        self._waited = waited
        self._began = self._last_sign = self._now()
        self.cut_short: CutShort | None = None
        """Why the turn was ended from outside; None when it was not."""

    def sign_of_life(self) -> None:
        self._last_sign = self._now()

    def _now(self) -> float:
        """On a clock that stands still while an operator is asked."""
        return self._clock.monotonic() - self._waited()

    async def run(self) -> None:
        self.cut_short = await self._reason()
        log.warning("The turn is interrupted: %s", self.cut_short.reason)
        self._runners.interrupt()
        await self._clock.sleep(GRACE_SECONDS)
        log.warning("The turn has not ended %g s after the interrupt and is killed", GRACE_SECONDS)
        await self._runners.kill()

    async def _reason(self) -> CutShort:
        while True:
            now = self._now()
            limit = self._began + self._settings.turn_limit_seconds - now
            silence = self._last_sign + self._settings.silence_limit_seconds - now
            if limit <= 0:
                reason = f"it ran for {self._settings.turn_limit_seconds:g} s, which is its limit"
                return CutShort(Cancel.TIME_LIMIT, reason)
            if silence <= 0:
                reason = f"nothing was heard of it for {self._settings.silence_limit_seconds:g} s"
                return CutShort(Cancel.SILENCE, reason)
            if await happens_within(self._cancel, min(limit, silence), self._clock):
                return CutShort(Cancel.REQUESTED, "an operator cancelled it")
