"""Moments, durations and counts in words."""

from datetime import UTC, datetime, timedelta

import pytest

from hive_web.view.times import absolute, count, duration, iso, relative

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RELATIVE = [
    (0, "just now"),
    (59, "just now"),
    (60, "1 min ago"),
    (59 * 60 + 59, "59 min ago"),
    (3600, "1 h ago"),
    (86400 * 3, "3 d ago"),
    (-3, "just now"),
    (-30, "in a moment"),
    (-60, "in 1 min"),
    (-7200, "in 2 h"),
]


@pytest.mark.parametrize(("seconds", "words"), RELATIVE)
def test_a_moment_relative_to_now(seconds: int, words: str) -> None:
    assert relative(NOW - timedelta(seconds=seconds), NOW) == words


def test_a_moment_in_full_is_in_utc() -> None:
    moment = datetime.fromisoformat("2026-03-04T06:06:07.125+01:00")
    assert absolute(moment) == "2026-03-04 05:06:07 UTC"
    assert iso(moment) == "2026-03-04T05:06:07.125Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.34, "340 ms"),
        (4.24, "4.2 s"),
        (72, "1 min 12 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86400, "1 d"),
        (100_800, "1 d 4 h"),
    ],
)
def test_a_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (999, "999"), (1000, "1.0k"), (999_949, "999.9k"), (999_950, "1.0M")]
)
def test_a_count(number: int, words: str) -> None:
    assert count(number) == words
