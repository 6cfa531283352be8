"""The event store: what harnesses push and what core itself tells, with ids that count up over the whole hive."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_core.events.cutting import shorten
from hive_core.events.hub import Hub
from hive_core.events.quota import Dropped, EventPolicy, Intake, Tally, notice
from hive_core.events.rows import SQL, Record, end_left_turns, evict, fitting, kept_bytes, record, store
from hive_core.store import Database, to_ms
from hive_rpc.errors import TooLargeError
from hive_rpc.interfaces.operator.events import EventsReply
from hive_rpc.interfaces.operator.look import LookHistory
from hive_rpc.types import OPERATOR, SYSTEM, Event, EventKind, Message, StateChange, Turn

MAX_PUSH = 200
MAX_PAGE = 500
_PAGE_BYTES = 900 * 1024
_NEWS_BYTES = 256 * 1024
"""Of a page that shares a frame with what else is new in the hive."""
_END = 2**63 - 1
_CORES_OWN = frozenset({EventKind.MESSAGE, EventKind.STATE})
"""Kinds that only core tells: an agent's word about its messages or its state is not taken as an event."""


@dataclass(frozen=True)
class Glance:
    cursor: int
    last_turns: Mapping[str, Turn]


class Events:
    """The table of events and the table of turns; tells the hub of what is new."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hub: Hub,
        policy: EventPolicy = EventPolicy(),  # noqa: B008 - frozen
        dropped: Callable[[Dropped, int], None] = lambda why, count: None,
    ) -> None:
        self._db = database
        self._clock = clock
        self._hub = hub
        self._policy = policy
        self._dropped = dropped
        self._intake = Intake(clock, policy, dropped)
        self._evicted: dict[str, Tally] = {}
        """Agents over their quota, and what was deleted of theirs since."""
        self._serving: dict[str, str | None] = {}
        """The instance of each agent's harness that took over last; None when its container ended since."""
        self._told: list[Record] = []
        self._begun = new_id("run")

    async def push(self, agent: str, instance: str, events: Sequence[Event]) -> int:
        """Store what the agent's harness tells about itself; returns the highest sequence that is taken care of.

        Events stored before are ignored. `text_delta` is passed on to watchers and not stored. Whatever an event
        says, it is about `agent`. Raises TooLargeError for more than 200 at once.
        """
        if len(events) > MAX_PUSH:
            raise TooLargeError(
                f"{len(events)} events in one call; {MAX_PUSH} is the limit.",
                hint="Push them in parts.",
                limit=MAX_PUSH,
            )
        own = [shorten(e.model_copy(update={"agent": agent, "id": 0})) for e in events if e.kind not in _CORES_OWN]
        records = self._intake.admit(agent, [record(agent, e) for e in own if e.kind is not EventKind.TEXT_DELTA])
        self._announce(agent, own, await self._store(agent, instance, records) if records else {})
        return max((e.sequence for e in events), default=0)

    async def took_over(self, agent: str, instance: str | None) -> None:
        """From now on only this instance of the agent's harness, or none, has turns that run.

        Those that others began and did not end have crashed; so does one whose start they tell of later. If they tell
        of its true end later, that stands.
        """
        self._serving[agent] = instance
        now = self._clock.now()
        while ended := await self._db.write(lambda c: end_left_turns(c, agent, instance, now)):
            self._hub.stored(agent, ended[-1])

    def tell(self, agent: str, event: Event) -> None:
        """Store an event of core's own. Does not wait: what it tells of is stored elsewhere already."""
        self._tell([record(agent, shorten(event))])

    def tell_state(self, agent: str, change: StateChange) -> None:
        self.tell(agent, Event(kind=EventKind.STATE, at=self._clock.now(), state=change))

    def tell_message(self, message: Message) -> None:
        """A message was sent: an event for each of its two ends that is an agent."""
        made = record("", shorten(Event(kind=EventKind.MESSAGE, at=message.sent_at, message=message)))
        ends = dict.fromkeys((message.sender, message.recipient))
        self._tell([replace(made, agent=end) for end in ends if end not in (OPERATOR, SYSTEM)])

    async def page(self, agent: str, *, before: int | None = None, after: int = 0, limit: int = 200) -> EventsReply:
        """An agent's events between the two, oldest first: the newest of them that fit into a frame."""
        return await self._db.read(lambda c: _page(c, agent, before, after, max(1, min(limit, MAX_PAGE))))

    async def since(self, known: LookHistory) -> tuple[str, EventsReply | None]:
        """The version of an agent's history, and the events that are new to who knows another one."""
        # The version first: what is stored in between is then told again rather than missed.
        version = f"{self._begun} {self._db.marks.count('events', known.agent)}"
        if known.version in ("", version):
            return version, None
        return version, await self._db.read(lambda c: _page(c, known.agent, None, known.after, MAX_PAGE, _NEWS_BYTES))

    async def last_turn(self, agent: str) -> Turn | None:
        row = await self._db.read(lambda c: c.execute(SQL.last_turn, {"agent": agent}).fetchone())
        return Turn.model_validate_json(row["turn"]) if row is not None else None

    async def glance(self, agents: Sequence[str]) -> Glance:
        """The newest event's id and these agents' last turns, read at one moment."""
        names = json.dumps(list(agents))
        return await self._db.read(lambda c: _glance(c, names))

    def _tell(self, records: Sequence[Record]) -> None:
        # What is told in one round of the loop is one write: a broadcast tells of as many messages as it has rows.
        if not self._told:
            asyncio.get_running_loop().call_soon(self._flush)
        self._told += records

    def _flush(self) -> None:
        records, self._told = self._told, []
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> tuple[list[int | None], dict[str, tuple[int, int]]]:
            ids = store(connection, None, records, now)
            # An agent of which much is told may never push anything itself.
            added: Counter[str] = Counter()
            for item in records:
                added[item.agent] += item.size
            return ids, {agent: self._make_room(connection, agent, size)[0] for agent, size in added.items()}

        def stored(done: tuple[list[int | None], dict[str, tuple[int, int]]]) -> None:
            ids, gone = done
            for item, event_id in zip(records, ids, strict=True):
                if event_id is not None:
                    self._hub.stored(item.agent, event_id)
            for agent, evicted in gone.items():
                self._count_evicted(agent, evicted)

        self._db.post(write, stored)

    def _make_room(
        self, connection: sqlite3.Connection, agent: str, added: int, *, further: bool = False
    ) -> tuple[tuple[int, int], int]:
        """After so many bytes were stored: count and bytes of what was evicted, and the bytes that are kept.

        Of an agent within its quota nothing is evicted, unless it is to go `further`.
        """
        kept = kept_bytes(connection, agent)
        # Twice what came in: every write stays short, and the tenth below the quota is reached all the same.
        gone = evict(connection, agent, 2 * added) if kept > self._policy.quota_bytes or further else (0, 0)
        return gone, kept - gone[1]

    def _count_evicted(self, agent: str, gone: tuple[int, int]) -> None:
        if gone[0]:
            self._evicted.setdefault(agent, Tally()).add(*gone)
            self._dropped(Dropped.QUOTA, gone[0])

    async def _store(self, agent: str, instance: str, records: Sequence[Record]) -> dict[int, int]:
        """Store what was pushed, after a mark of what was dropped before it. Returns the new ids by sequence."""
        marks = self._intake.mark(agent)
        at, added = self._clock.now(), sum(r.size for r in records)
        now, serving = to_ms(at), self._serving.get(agent, instance)
        evicting = agent in self._evicted

        def write(connection: sqlite3.Connection) -> tuple[list[int | None], list[int], tuple[int, int], int]:
            store(connection, None, marks, now)
            ids = store(connection, instance, records, now)
            ended = end_left_turns(connection, agent, serving, at) if instance != serving else []
            return ids, ended, *self._make_room(connection, agent, added, further=evicting)

        ids, ended, gone, kept = await self._db.write(write)
        if ended:
            self._hub.stored(agent, ended[-1])
        self._count_evicted(agent, gone)
        if gone[0] and kept <= 0.9 * self._policy.quota_bytes:
            tally = self._evicted.pop(agent)
            self._tell([notice(self._clock, agent, tally, "the oldest of this agent, to keep within its quota")])
        return {r.sequence: i for r, i in zip(records, ids, strict=True) if i is not None}

    def _announce(self, agent: str, events: Sequence[Event], ids: Mapping[int, int]) -> None:
        for event in events:
            if event.kind is EventKind.TEXT_DELTA:
                self._hub.delta(agent, event)
            elif event.sequence in ids:
                self._hub.stored(agent, ids[event.sequence])


def _glance(connection: sqlite3.Connection, names: str) -> Glance:
    rows = connection.execute(SQL.last_turns, {"agents": names}).fetchall()
    return Glance(
        cursor=connection.execute(SQL.newest).fetchone()[0],
        last_turns={r["agent"]: Turn.model_validate_json(r["turn"]) for r in rows if r["turn"] is not None},
    )


def _page(
    connection: sqlite3.Connection, agent: str, before: int | None, after: int, limit: int, size: int = _PAGE_BYTES
) -> EventsReply:
    cursor = connection.execute(SQL.newest).fetchone()[0]
    parameters = {"agent": agent, "before": before if before is not None else _END, "after": after, "limit": limit + 1}
    rows = connection.execute(SQL.page, parameters).fetchall()
    events = fitting(rows[:limit], size)
    oldest = connection.execute(SQL.oldest, {"agent": agent, "limit": 1}).fetchone()
    return EventsReply(
        events=events[::-1],
        cursor=cursor,
        more=len(events) < len(rows),
        oldest=oldest["id"] if oldest is not None else 0,
    )
