"""Sums of what was spent, for the hour and the day of the clock (UTC), kept in memory from the book."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_rpc.accounts import Scope, Spend

NANO = 1_000_000_000

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_KEPT = 3
"""Hours and days of each target: more than the present ones, because a clock that was set wrong is set back again."""

Target = tuple[Scope, str]
"""Whose spending: the scope and its name; the hive's name is empty."""
HIVE: Target = (Scope.HIVE, "")


def targets(agent: str, account: str) -> tuple[Target, ...]:
    return ((Scope.AGENT, agent), (Scope.ACCOUNT, account), HIVE)


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass
class Sum:
    nano_usd: int = 0
    tokens: int = 0
    requests: int = 0

    def add(self, nano_usd: int, tokens: int, requests: int) -> None:
        self.nano_usd += nano_usd
        self.tokens += tokens
        self.requests += requests


class Totals:
    """`add` says what a request used; again for the same request, what it used beyond what was said."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Target, timedelta], dict[datetime, Sum]] = {}
        """By the start of each hour and day."""

    def add(self, at: datetime, who: Iterable[Target], *, nano_usd: int, tokens: int, requests: int = 0) -> None:
        for target in who:
            for start, length in ((hour_of(at), _HOUR), (day_of(at), _DAY)):
                sums = self._sums.setdefault((target, length), {})
                if start not in sums and len(sums) == _KEPT:
                    del sums[next(iter(sums))]
                sums.setdefault(start, Sum()).add(nano_usd, tokens, requests)

    def hour(self, target: Target, now: datetime) -> Sum:
        return self._sums.get((target, _HOUR), {}).get(hour_of(now), Sum())

    def day(self, target: Target, now: datetime) -> Sum:
        return self._sums.get((target, _DAY), {}).get(day_of(now), Sum())

    def spending(self, now: datetime) -> list[Spend]:
        """The hive's first, then all that spent something today."""
        today = day_of(now)
        known = {HIVE} | {target for (target, length), sums in self._sums.items() if length == _DAY and today in sums}
        order = list(Scope)
        return [self._spend(target, now) for target in sorted(known, key=lambda t: (order.index(t[0]), t[1]))]

    def _spend(self, target: Target, now: datetime) -> Spend:
        hour, day = self.hour(target, now), self.day(target, now)
        return Spend(
            scope=target[0],
            name=target[1],
            hour_usd=hour.nano_usd / NANO,
            hour_tokens=hour.tokens,
            day_usd=day.nano_usd / NANO,
            day_tokens=day.tokens,
            requests=day.requests,
        )
