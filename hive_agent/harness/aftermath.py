"""What follows from the end of a turn: whether it counts, what has to change first, and how long nothing is tried."""

import random
from dataclasses import dataclass
from enum import StrEnum

from hive_agent.harness.backoff import Backoff
from hive_agent.harness.verdict import Verdict
from hive_base.clock import Clock
from hive_rpc.types import AgentState, TurnOutcome

RESET_JITTER_SECONDS = 30.0
"""After a limit's end, so that a fleet does not come back in one moment."""


class Remedy(StrEnum):
    """What has to happen to the conversation before the next turn."""

    NONE = "none"
    COMPACT = "compact"
    FRESH = "fresh"


@dataclass(frozen=True)
class Aftermath:
    why: str
    """In a few words, for the state that people see."""
    counted: bool
    """It was an attempt of the message: what failed may be its doing."""
    seconds: float | None = 0.0
    """How long no turn is begun; None until somebody does something."""
    state: AgentState = AgentState.PARKED
    """What is shown meanwhile."""
    remedy: Remedy = Remedy.NONE
    tell_operator: bool = False


class Aftermaths:
    """Remembers what failed in a row; a turn that went well begins the row anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limited = Backoff(clock, first=60, most=1800)
        self._away = Backoff(clock, first=5, most=300)
        self._failed = Backoff(clock, first=5, most=300)
        self._last: TurnOutcome | None = None
        self._times = 0

    def went_well(self) -> None:
        self._last, self._times = None, 0
        for backoff in (self._limited, self._away, self._failed):
            backoff.reset()

    def of(self, verdict: Verdict) -> Aftermath:
        """Of a turn that did not go well."""
        self._times = self._times + 1 if verdict.outcome is self._last else 1
        self._last = verdict.outcome
        match verdict.outcome:
            case TurnOutcome.RATE_LIMITED:
                return Aftermath("rate limit", counted=False, seconds=self._until_reset(verdict))
            case TurnOutcome.OVERLOADED:
                return Aftermath("the model is overloaded", counted=False, seconds=self._away.next_delay())
            case TurnOutcome.NETWORK:
                return Aftermath("the model is not reachable", counted=False, seconds=self._away.next_delay())
            case TurnOutcome.AUTH_FAILED if self._times == 1:
                return Aftermath("the login was refused", counted=False, seconds=self._away.next_delay())
            case TurnOutcome.AUTH_FAILED:
                return _stop("the login was refused", AgentState.NEEDS_LOGIN)
            case TurnOutcome.BUDGET_EXHAUSTED:
                return _stop("the budget is exhausted")
            case TurnOutcome.CONFIGURATION:
                return _stop("the configuration is wrong")
            case _:
                return self._of_conversation(verdict.outcome)

    def _of_conversation(self, outcome: TurnOutcome) -> Aftermath:
        """Where waiting alone does not help. Only what happens for the first time may be no doing of the message."""
        counted = self._times > 1
        match outcome:
            case TurnOutcome.CONTEXT_OVERFLOW:
                remedy = Remedy.FRESH if counted else Remedy.COMPACT
                return Aftermath("the conversation is too long", counted=self._times > 2, remedy=remedy)
            case TurnOutcome.SESSION_LOST:
                pause = self._failed.next_delay() if counted else 0.0
                return Aftermath("the conversation was lost", counted=counted, seconds=pause, remedy=Remedy.FRESH)
            case TurnOutcome.COMPACTION_FAILED:
                return Aftermath("it could not be compacted", counted=counted, remedy=Remedy.FRESH)
            case TurnOutcome.BAD_CONVERSATION:
                pause = self._failed.next_delay()
                return Aftermath("the API refuses the conversation", counted=True, seconds=pause, remedy=Remedy.FRESH)
            case TurnOutcome.REFUSED:
                pause = self._failed.next_delay()
                return Aftermath("the model refused", counted=True, seconds=pause, remedy=Remedy.FRESH)
            case _:
                what = f"the last turn failed ({outcome.value.replace('_', ' ')})"
                return Aftermath(what, counted=True, seconds=self._failed.next_delay())

    def _until_reset(self, verdict: Verdict) -> float:
        if verdict.resets_at is None:
            return self._limited.next_delay()
        left = max(0.0, (verdict.resets_at - self._clock.now()).total_seconds())
        if left == 0:
            # It says that it is over, and yet it was refused.
            return self._limited.next_delay()
        return left + random.uniform(1, RESET_JITTER_SECONDS)  # noqa: S311 no secret hangs on it


def _stop(why: str, state: AgentState = AgentState.PARKED) -> Aftermath:
    return Aftermath(why, counted=False, seconds=None, state=state, tell_operator=True)
