"""Waiting for something that happens outside of the test's own process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 90
"""The outside world's pace decides how long it takes; only that it happens matters."""


def until(what: str, condition: Callable[[], T | None], *, seconds: float = SECONDS, pause: float = 0.1) -> T:
    """What the condition returns once that is true; asked every `pause` seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: did not happen within {seconds} s"
        time.sleep(pause)
    return found
