"""Deletes what is too old, a batch at a time; each batch holds the write lock for a few milliseconds."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_core.alarm import Alarm
from hive_core.retention import sweeps
from hive_core.store import Database, to_ms

SWEEP_EVERY = timedelta(hours=1)
LONGEST_HOLD = 0.05
"""Seconds that a batch may hold the write lock."""
STOP_AFTER = LONGEST_HOLD / 2
"""Seconds after which a batch takes no further row, whatever the rows cost: the rest is for the last one."""
_PAUSE = 0.02
"""Seconds between two batches, for everybody else."""


@dataclass(frozen=True)
class RetentionPolicy:
    messages: timedelta = timedelta(days=30)
    """Acknowledged ones, after the ack."""
    events: timedelta = timedelta(days=14)
    turns: timedelta = timedelta(days=90)
    dialogue: timedelta = timedelta(days=180)
    """Resolved questions and settled reminders, jobs and approvals that have ended."""
    audit: timedelta = timedelta(days=730)
    """What operators did. The database itself refuses to delete what is younger than a year."""


@dataclass(frozen=True)
class Swept:
    what: str
    rows: int
    longest_hold: float
    """Seconds that the longest batch took."""


@dataclass(frozen=True)
class _Batch:
    rows: int
    held: float
    finished: bool
    """Nothing old is left."""


async def _nothing() -> None:
    pass


class Retention:
    """`run` sweeps at the start and then every hour.

    `index` is called before each sweep, so that a search never has more than an hour's words to take in first; `swept`
    is told of each kind that something was deleted of. `timer` is not the injected clock's: it is this machine's lock
    that is held.
    """

    def __init__(
        self,
        core: Database,
        events: Database,
        clock: Clock,
        policy: RetentionPolicy = RetentionPolicy(),
        index: Callable[[], Awaitable[None]] = _nothing,
        timer: Callable[[], float] = time.perf_counter,
        swept: Callable[[Swept], None] = lambda _: None,
    ) -> None:
        self._index = index
        self._timer = timer
        self._clock = clock
        self._swept = swept
        self._sweeps: Sequence[tuple[str, Database, sweeps.Sweep, timedelta]] = (
            ("messages", core, sweeps.messages, policy.messages),
            ("instances", core, sweeps.instances, policy.messages),
            ("reminders", core, sweeps.reminders, policy.dialogue),
            ("reminder_attempts", core, sweeps.reminder_attempts, policy.dialogue),
            ("questions", core, sweeps.questions, policy.dialogue),
            ("jobs", core, sweeps.jobs, policy.dialogue),
            ("approvals", core, sweeps.approvals, policy.dialogue),
            ("sessions", core, sweeps.sessions, timedelta(0)),
            ("audit", core, sweeps.audit, policy.audit),
            ("events", events, sweeps.events, policy.events),
            ("turns", events, sweeps.turns, policy.turns),
            ("free_pages", core, sweeps.free_pages, timedelta(0)),
            ("free_pages", events, sweeps.free_pages, timedelta(0)),
        )
        self._alarm = Alarm(clock, self.sweep)

    async def run(self) -> None:
        await self._alarm.run()

    async def sweep(self) -> datetime:
        """Delete everything that is too old now; returns when to sweep again."""
        await self._index()
        for what, database, sweep, age in self._sweeps:
            done = await self._sweep(what, database, sweep, to_ms(self._clock.now() - age))
            if done.rows:
                self._swept(done)
        return self._clock.now() + SWEEP_EVERY

    async def _sweep(self, what: str, database: Database, sweep: sweeps.Sweep, before_ms: int) -> Swept:
        total, longest = 0, 0.0
        while True:
            batch = await database.write(lambda c: self._batch(sweep(c, before_ms)))
            total, longest = total + batch.rows, max(longest, batch.held)
            if batch.finished:
                return Swept(what, total, longest)
            await self._clock.sleep(_PAUSE)

    def _batch(self, steps: Iterator[None]) -> _Batch:
        """Runs in the writer's thread."""
        start = self._timer()
        held, rows = 0.0, 0
        for _ in steps:
            rows, held = rows + 1, self._timer() - start
            if held >= STOP_AFTER:
                return _Batch(rows, held, finished=False)
        return _Batch(rows, held, finished=rows < sweeps.BATCH)
