"""What an answer's headers say of an account's limits, in every form that they come in."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from multidict import CIMultiDict

from hive_gateway import limits

NOW = datetime(2026, 5, 1, 10, 20, tzinfo=UTC)
UNIFIED = "anthropic-ratelimit-unified-"


def at(seconds: float) -> str:
    return str(int((NOW + timedelta(seconds=seconds)).timestamp()))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 30),
        ({"retry-after": "90"}, 90),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=120), usegmt=True)}, 120),
        ({"retry-after": "Friday, 01-May-26 10:21:00 GMT"}, 60),
        ({"retry-after": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0),
        ({"retry-after": "-5"}, 30),
        ({"retry-after": "soon"}, 30),
        ({"retry-after": "nan"}, 30),
        ({"retry-after": "1e400"}, 30),
        ({"retry-after": "99999999"}, 8 * 86400),
        ({f"{UNIFIED}status": "rejected", f"{UNIFIED}reset": at(7200)}, 7200),
        ({f"{UNIFIED}status": "rejected", f"{UNIFIED}reset": at(7200), "retry-after": "60"}, 7200),
        ({f"{UNIFIED}status": "allowed", f"{UNIFIED}reset": at(7200)}, 30),
        ({f"{UNIFIED}status": "rejected", f"{UNIFIED}reset": "9" * 30}, 30),
        ({f"{UNIFIED}5h-status": "allowed", f"{UNIFIED}5h-reset": at(600), f"{UNIFIED}5h-utilization": "0.4"}, 30),
        (
            {
                f"{UNIFIED}5h-status": "allowed",
                f"{UNIFIED}5h-reset": at(600),
                f"{UNIFIED}7d-status": "rejected",
                f"{UNIFIED}7d-reset": at(86400),
            },
            86400,
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-limit": "1000",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-05-01T10:21:40Z",
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-05-01T11:00:00Z",
            },
            100,
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_limit_ends_when_the_answer_says(headers: dict[str, str], seconds: float) -> None:
    assert limits.ends(CIMultiDict(headers), NOW) == NOW + timedelta(seconds=seconds)
