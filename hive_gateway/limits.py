"""The account's own limits, as the API's answers tell them.

A subscription's answers have `anthropic-ratelimit-unified-*` (as Claude Code reads them: docs/claude-cli.md), an API
key's have `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`
(https://docs.anthropic.com/en/api/rate-limits). A 429 has `retry-after`, in seconds or as a date (RFC 9110, 10.2.3).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from hive_gateway.errors import ApiError
from hive_gateway.headers import Headers
from hive_rpc.accounts import LimitWindow

_PREFIX = "anthropic-ratelimit-"
_UNIFIED = f"{_PREFIX}unified-"
_UNIFIED_WINDOWS = {"5h": "five_hour", "7d": "seven_day"}
_COUNTED = ("requests", "tokens", "input-tokens", "output-tokens")
LONGEST = timedelta(days=8)
"""No limit of an account's is longer than a week; what says so is not believed."""
UNKNOWN = timedelta(seconds=30)
"""How long a 429 holds the account that does not say how long."""
_NO_RETRY_SECONDS = 61
"""Claude Code waits for a `retry-after` of up to 60 s itself, and ends the turn at a longer one."""


def windows(headers: Headers) -> Sequence[LimitWindow]:
    """What an answer tells of the account's limits; empty when it tells nothing."""
    found = []
    for short, name in _UNIFIED_WINDOWS.items():
        utilization, reset = (headers.get(f"{_UNIFIED}{short}-{what}") for what in ("utilization", "reset"))
        if utilization is not None or reset is not None:
            found.append(
                LimitWindow(
                    name=name,
                    utilization=_number(utilization),
                    resets_at=_stamp(reset),
                    status=headers.get(f"{_UNIFIED}{short}-status"),
                )
            )
    for counted in _COUNTED:
        limit, left = (_number(headers.get(f"{_PREFIX}{counted}-{what}")) for what in ("limit", "remaining"))
        if limit and left is not None:
            found.append(
                LimitWindow(
                    name=counted.replace("-", "_"),
                    utilization=max(0.0, 1 - left / limit),
                    resets_at=_rfc3339(headers.get(f"{_PREFIX}{counted}-reset")),
                )
            )
    return found


def claim(headers: Headers) -> str | None:
    """Which of a subscription's limits an answer is about: `five_hour`, `seven_day`."""
    return headers.get(f"{_UNIFIED}representative-claim")


def ends(headers: Headers, now: datetime) -> datetime:
    """When the limit of a 429 ends: by what it says of itself, or else by the windows that it says are used up."""
    known: list[datetime] = []
    if headers.get(f"{_UNIFIED}status") == "rejected" and (reset := _stamp(headers.get(f"{_UNIFIED}reset"))):
        known.append(reset)
    if (after := _after(headers.get("retry-after"), now)) is not None:
        known.append(after)
    if not known:
        known = [
            w.resets_at for w in windows(headers) if w.resets_at and (w.status == "rejected" or w.utilization == 1)
        ]
    until = max(known, default=now + UNKNOWN)
    return min(max(until, now), now + LONGEST)


def refusal(message: str, until: datetime | None, now: datetime, *, claim: str | None, subscription: bool) -> ApiError:
    """The answer in place of the API's while a limit holds: a 429 that Claude Code does not try again.

    With a subscription's headers it also tells the model's user when the limit ends.
    """
    seconds = _NO_RETRY_SECONDS if until is None else max(1, math.ceil((until - now).total_seconds()))
    headers: dict[str, str] = {"retry-after": str(seconds), "x-should-retry": "false"}
    if subscription and until is not None:
        headers |= _unified(math.ceil(until.timestamp()), claim or "five_hour")
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, message, headers)


def _unified(reset: int, claim: str) -> Mapping[str, str]:
    short = next((short for short, name in _UNIFIED_WINDOWS.items() if name == claim), "5h")
    return {
        f"{_UNIFIED}status": "rejected",
        f"{_UNIFIED}reset": str(reset),
        f"{_UNIFIED}representative-claim": claim,
        f"{_UNIFIED}{short}-status": "rejected",
        f"{_UNIFIED}{short}-reset": str(reset),
        f"{_UNIFIED}{short}-utilization": "1.0",
        f"{_UNIFIED}overage-status": "rejected",
        f"{_UNIFIED}overage-disabled-reason": "org_level_disabled",
    }


def _after(text: str | None, now: datetime) -> datetime | None:
    """A `retry-after`; None when it says nothing."""
    if (seconds := _number(text)) is not None:
        return now + timedelta(seconds=min(seconds, LONGEST.total_seconds()))
    try:
        date = parsedate_to_datetime(text) if text is not None else None
    except ValueError:
        return None
    # "-0000" is a time in UTC of which the zone is not known.
    return date.replace(tzinfo=date.tzinfo or UTC) if date is not None else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _stamp(text: str | None) -> datetime | None:
    value = _number(text)
    try:
        return None if value is None else datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _rfc3339(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
