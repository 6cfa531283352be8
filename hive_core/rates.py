"""Rates: so many at once, then so many per second, by name."""

from dataclasses import dataclass

from hive_base.clock import Clock

_FORGET_ABOVE = 4096
"""Names remembered before the full buckets among them are forgotten."""


@dataclass(frozen=True)
class Rate:
    burst: float
    per_second: float


class Rates:
    """A token bucket for each name. In memory: a restart fills them all."""

    def __init__(self, clock: Clock, rate: Rate) -> None:
        self._clock = clock
        self._rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        """Names remembered."""
        return len(self._buckets)

    def take(self, name: str, amount: float = 1) -> float:
        """Take from the bucket if it holds so much, and return 0; else the seconds after which it will."""
        now = self._clock.monotonic()
        level = self._level(name, now)
        if level < min(amount, self._rate.burst):
            return (min(amount, self._rate.burst) - level) / self._rate.per_second
        self._buckets[name] = (level - amount, now)
        if len(self._buckets) > _FORGET_ABOVE:
            self._buckets = {n: b for n, b in self._buckets.items() if self._level(n, now) < self._rate.burst}
        return 0.0

    def give_back(self, name: str, amount: float = 1) -> None:
        """What was taken turned out not to count."""
        now = self._clock.monotonic()
        self._buckets[name] = (min(self._rate.burst, self._level(name, now) + amount), now)

    def _level(self, name: str, now: float) -> float:
        level, since = self._buckets.get(name, (self._rate.burst, now))
        return min(self._rate.burst, level + (now - since) * self._rate.per_second)
