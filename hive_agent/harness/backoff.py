"""How long to wait before trying again."""

import random

from hive_base.clock import Clock


class Backoff:
    """Doubles from `first` to `most` seconds, each with a jitter of a fifth, so that a thousand do not come at once."""

    def __init__(self, clock: Clock, *, first: float, most: float) -> None:
        self._clock = clock
        self._first = first
        self._most = most
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next_delay(self) -> float:
        """Count a failure and say how long to wait after it."""
        delay = min(self._most, self._first * float(2 ** min(self._failures, 30)))
        self._failures += 1
        return delay * random.uniform(0.8, 1)  # noqa: S311 no secret hangs on it

    async def wait(self) -> None:
        await self._clock.sleep(self.next_delay())
