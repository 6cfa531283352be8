"""Carrying out the faults that messages ask for. The one thing the stand-in remembers is how often each has struck."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from hive_base.clock import Clock
from hive_gateway.errors import ApiError
from hive_gateway.standin.directives import Fault, FaultKind
from hive_gateway.standin.planner import Instructions

_MOST_REMEMBERED = 1000

_WORDS: Mapping[int, str] = {
    HTTPStatus.TOO_MANY_REQUESTS: "This request would exceed your account's rate limit. Please try again later.",
    529: "Overloaded",
    HTTPStatus.UNAUTHORIZED: "invalid x-api-key",
}

Strike = tuple[str, str, int]
"""The agent, the message and the place of the fault among the message's faults."""


class Faults:
    """Which fault, if any, the next request meets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._strikes: OrderedDict[Strike, int] = OrderedDict()
        self._resets: OrderedDict[Strike, float] = OrderedDict()

    def strike(self, agent: str, instructions: Sequence[Instructions]) -> Fault | None:
        """The first fault that is not used up, counted as having struck once more.

        A fault that is an error before the stream is raised as `ApiError`.
        """
        for wanted in instructions:
            for place, fault in enumerate(wanted.directives.faults):
                if self._strikes_now((agent, wanted.message, place), fault):
                    return self._raised(fault, (agent, wanted.message, place))
        return None

    def _strikes_now(self, strike: Strike, fault: Fault) -> bool:
        now = self._clock.now().timestamp()
        if fault.kind is FaultKind.UNIFIED_LIMIT and now >= self._resets.get(strike, now + 1):
            return False
        count = self._strikes.get(strike, 0)
        if fault.times is not None and count >= fault.times:
            return False
        self._strikes[strike] = count + 1
        self._resets.setdefault(strike, now + fault.resets_in)
        for remembered in (self._strikes, self._resets):
            if len(remembered) > _MOST_REMEMBERED:
                remembered.popitem(last=False)
        return True

    def _raised(self, fault: Fault, strike: Strike) -> Fault:
        match fault.kind:
            case FaultKind.ERROR if not fault.in_stream:
                headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
                raise ApiError(fault.status, words(fault.status), headers)
            case FaultKind.OVERFLOW:
                raise ApiError(HTTPStatus.BAD_REQUEST, "prompt is too long: 214000 tokens > 200000 maximum")
            case FaultKind.UNIFIED_LIMIT:
                raise ApiError(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    words(HTTPStatus.TOO_MANY_REQUESTS),
                    _unified_headers(fault.claim, int(self._resets[strike])),
                )
        return fault


def words(status: int) -> str:
    return _WORDS.get(status, "Internal server error" if status >= 500 else "The stand-in was asked to refuse this.")


def _unified_headers(claim: str, resets_at: int) -> Mapping[str, str]:
    """What a subscription's 429 carries (claude-code reads it in subscription mode only)."""
    window = "7d" if claim == "seven_day" else "5h"
    return {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": str(resets_at),
        "anthropic-ratelimit-unified-representative-claim": claim,
        f"anthropic-ratelimit-unified-{window}-status": "rejected",
        f"anthropic-ratelimit-unified-{window}-reset": str(resets_at),
        f"anthropic-ratelimit-unified-{window}-utilization": "1.0",
        "anthropic-ratelimit-unified-overage-status": "rejected",
        "anthropic-ratelimit-unified-overage-disabled-reason": "org_level_disabled",
    }
