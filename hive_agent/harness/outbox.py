"""Live events on their way to core: in sequence, kept on disk while core is away, bounded.

An event is removed when core says that it is stored. A harness that ends while core is away leaves the rest in its
spool; the next one sends it first, under its own instance and sequence, with the end of a turn that has none: core
cannot tell that turn from one of the next harness's own. The fleeting `text_delta` is never kept.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from hive_agent.batches import first_batch, text_size
from hive_agent.harness.backoff import Backoff
from hive_agent.harness.link import FIRST_DELAY, MOST_DELAY, Link
from hive_agent.harness.spool import Spool
from hive_base.clock import Clock
from hive_rpc.errors import InvalidError, StorageError, TooLargeError, UnavailableError
from hive_rpc.interfaces.agent import PushEventsRequest
from hive_rpc.types import Event, EventKind, Turn, TurnOutcome

log = logging.getLogger(__name__)

MAX_EVENTS = 5000
MAX_TEXT = 8 * 1024 * 1024
"""Characters of all events that wait. Over a bound the oldest go, and a notice says how many."""


class Outbox:
    """`add` never waits; `run` sends."""

    def __init__(self, link: Link, spool: Spool, clock: Clock) -> None:
        self._link = link
        self._spool = spool
        self._clock = clock
        self._backoff = Backoff(clock, first=FIRST_DELAY, most=MOST_DELAY)
        self._events: deque[Event] = deque()
        self._text = 0
        self._sequence = 0
        self._spooled = 0
        self._lost = 0
        self._some = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, event: Event) -> None:
        self._sequence += 1
        self._events.append(event.model_copy(update={"sequence": self._sequence}))
        self._text += text_size(event)
        while len(self._events) > MAX_EVENTS or self._text > MAX_TEXT:
            self._lost += self._forget_first().kind is not EventKind.TEXT_DELTA
        self._some.set()
        self._empty.clear()

    async def sent(self) -> None:
        """Wait until core has everything."""
        await self._empty.wait()

    async def run(self) -> None:
        left = await self._spool.load()
        for event in [*left, *self._missing_ends(left)]:
            self.add(event)
        while True:
            await self._some.wait()
            try:
                await self._push()
            except (UnavailableError, StorageError) as error:
                log.debug("Events wait: %s", error)
                await self._keep()
                await self._backoff.wait()
            else:
                self._backoff.reset()

    async def _push(self) -> None:
        batch, taken = first_batch(self._events)
        last = self._events[taken - 1].sequence
        try:
            reply = await self._link.attempt(lambda agent: agent.push_events(PushEventsRequest(events=batch)))
            stored = reply.sequence
        except (InvalidError, TooLargeError) as error:
            log.exception("Core refuses %d events, they are dropped: %s", taken, error.sentence())
            stored = last
        if all(event.kind is EventKind.TEXT_DELTA for event in batch):
            # Core need not count what it does not store.
            stored = max(stored, last)
        before = len(self._events)
        while self._events and self._events[0].sequence <= stored:
            self._forget_first()
        if len(self._events) == before:
            raise StorageError("Core has stored none of the events.")
        if self._lost:
            lost, self._lost = self._lost, 0
            text = f"{lost} events were lost while core was away."
            self.add(Event(kind=EventKind.NOTICE, at=self._clock.now(), text=text))
        if not self._events:
            self._some.clear()
            self._empty.set()
            await self._spool.clear()

    async def _keep(self) -> None:
        """Put on disk what is not there yet, and let go of what nobody will look at later."""
        wanted = [event for event in self._events if event.kind is not EventKind.TEXT_DELTA]
        new = [event for event in wanted if event.sequence > self._spooled]
        self._events = deque(wanted)
        self._text = sum(text_size(event) for event in wanted)
        if new:
            await self._spool.append(new, wanted=wanted)
            self._spooled = new[-1].sequence
        if not self._events:
            self._some.clear()
            self._empty.set()

    def _missing_ends(self, left: Sequence[Event]) -> list[Event]:
        running: dict[str, Turn] = {}
        for event in left:
            if event.kind is EventKind.TURN_STARTED and event.turn is not None:
                running[event.turn.id] = event.turn
            elif event.kind is EventKind.TURN_ENDED and event.turn is not None:
                running.pop(event.turn.id, None)
        now = self._clock.now()
        over = {"ended_at": now, "outcome": TurnOutcome.CRASHED, "error": "the harness ended in this turn"}
        turns = [turn.model_copy(update=over) for turn in running.values()]
        return [Event(kind=EventKind.TURN_ENDED, at=now, turn_id=turn.id, turn=turn) for turn in turns]

    def _forget_first(self) -> Event:
        event = self._events.popleft()
        self._text -= text_size(event)
        return event
