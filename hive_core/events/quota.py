"""How much an agent may push: a rate for what comes, a quota for what is kept, and marks that say what was dropped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hive_base.clock import Clock
from hive_core.events.rows import Record, record
from hive_core.rates import Rate, Rates
from hive_rpc.types import Event, EventKind


@dataclass(frozen=True)
class EventPolicy:
    byte_rate: Rate = field(default=Rate(burst=16 * 1024**2, per_second=512 * 1024))
    """Bytes of stored events from one agent."""
    turn_rate: Rate = field(default=Rate(burst=2000, per_second=0.2))
    """Reports of a turn's begin and end: they have a rate of their own, because they are kept for months, and are kept
    when everything else is over its rate."""
    quota_bytes: int = 256 * 1024**2
    """Of one agent; beyond it the oldest go, until a tenth is free."""


class Dropped(StrEnum):
    """Why events of an agent are not there."""

    RATE = "rate"
    """They came too fast."""
    QUOTA = "quota"
    """They were the oldest, and their agent keeps too much."""


@dataclass
class Tally:
    events: int = 0
    size: int = 0

    def add(self, events: int, size: int) -> None:
        self.events += events
        self.size += size


class Intake:
    """Lets through what is within the agent's rate, and remembers what is not."""

    def __init__(self, clock: Clock, policy: EventPolicy, dropped: Callable[[Dropped, int], None]) -> None:
        self._clock = clock
        self._count = dropped
        self._bytes = Rates(clock, policy.byte_rate)
        self._turns = Rates(clock, policy.turn_rate)
        self._dropped: dict[str, Tally] = {}

    def admit(self, agent: str, records: Sequence[Record]) -> Sequence[Record]:
        """Those to store."""
        within = self._bytes.take(agent, sum(r.size for r in records)) == 0
        kept = [r for r in records if (within if r.turn is None else self._turns.take(agent) == 0)]
        if len(kept) == len(records):
            return records
        lost = [r for r in records if r not in kept]
        self._dropped.setdefault(agent, Tally()).add(len(lost), sum(r.size for r in lost))
        self._count(Dropped.RATE, len(lost))
        return kept

    def mark(self, agent: str) -> list[Record]:
        """What to store before the agent's next event: a notice of what was dropped since the last one."""
        tally = self._dropped.pop(agent, None)
        if tally is None:
            return []
        return [notice(self._clock, agent, tally, "because they came faster than this agent may push")]


def notice(clock: Clock, agent: str, tally: Tally, why: str) -> Record:
    text = f"[dropped: {tally.events} events with {tally.size} bytes, {why}]"
    return record(agent, Event(kind=EventKind.NOTICE, at=clock.now(), text=text))
