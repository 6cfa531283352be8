"""What stands in the way of the next turn: an operator's pause, the account's hold, or what this agent met itself."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_agent.harness.control import Control
from hive_base.clock import Clock
from hive_rpc.accounts import Hold, HoldKind
from hive_rpc.types import AgentState

WAKE_SPREAD_SECONDS = 20.0
"""When an account is free again its agents begin within so long, one by one."""


@dataclass(frozen=True)
class Obstacle:
    state: AgentState
    reason: str
    until: datetime | None = None
    """None is until somebody does something."""


class Gate:
    """Open when `obstacle` is None."""

    def __init__(self, control: Control, clock: Clock) -> None:
        self._control = control
        self._clock = clock
        self._parked: Obstacle | None = None
        self._hold: Hold | None = None
        self._hold_ends: datetime | None = None
        self._overridden: Hold | None = None

    def park(self, obstacle: Obstacle) -> None:
        """Begin no turn while this is in the way."""
        self._parked = obstacle

    def open(self) -> None:
        """What this agent met itself is over; a hold of the account stays."""
        self._parked = None

    def wake(self) -> bool:
        """Try again in spite of everything but a pause; False when there is nothing to wake from."""
        self._follow_hold()
        asleep = self._parked is not None or (self._hold is not None and self._hold != self._overridden)
        self._parked, self._overridden = None, self._hold
        return asleep

    def refused_again(self) -> None:
        """The hold that an operator's wake overrode is true still."""
        self._overridden = None

    def obstacle(self) -> Obstacle | None:
        """What is in the way now."""
        self._follow_hold()
        if self._control.paused:
            return Obstacle(AgentState.PAUSED, "an operator paused it")
        for found in (self._held(), self._parked):
            if found is not None and (found.until is None or found.until > self._clock.now()):
                return found
        return None

    def _held(self) -> Obstacle | None:
        hold = self._hold
        if hold is None or hold == self._overridden:
            return None
        state = AgentState.NEEDS_LOGIN if hold.kind is HoldKind.LOGIN else AgentState.PARKED
        return Obstacle(state, hold.reason, self._hold_ends)

    def _follow_hold(self) -> None:
        hold = self._control.hold
        if hold == self._hold:
            return
        before, self._hold = self._hold, hold
        if hold is None:
            # What was met under the hold is over with it; and not everybody at once.
            over = before is None or before != self._overridden
            self._parked = self._soon("its account is free again; it waits its turn") if over else None
            self._overridden = None
        else:
            self._hold_ends = None if hold.until is None else hold.until + self._spread()

    def _soon(self, reason: str) -> Obstacle:
        return Obstacle(AgentState.PARKED, reason, self._clock.now() + self._spread())

    @staticmethod
    def _spread() -> timedelta:
        return timedelta(seconds=random.uniform(0, WAKE_SPREAD_SECONDS))  # noqa: S311 no secret hangs on it
