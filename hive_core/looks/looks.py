"""What the dashboard's pages show of the whole hive, read again only where a commit has touched it.

A page is made while an operator waits, and in a hive that works something is always stored in between. So each part is
kept, the database's marks say which are out of date, and whoever asks gets what changed since they asked last.
"""

import asyncio
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_core.agents.agents import Agents
from hive_core.agents.models import Agent
from hive_core.api.overview import Overview
from hive_core.approvals import Approvals
from hive_core.broker import DeadLetters, unread
from hive_core.broker.history import newest
from hive_core.events.hub import Hub
from hive_core.events.rows import SQL as EVENTS
from hive_core.events.stats import today_of
from hive_core.jobs.jobs import Jobs
from hive_core.looks.ledger import Ledger, News
from hive_core.notes import Note, read_notes
from hive_core.questions import Questions
from hive_core.store import Database
from hive_core.store.marks import Mark
from hive_rpc.accounts import HoldKind
from hive_rpc.dialogue import QuestionState
from hive_rpc.interfaces.operator.events import AgentToday
from hive_rpc.interfaces.operator.look import LookKind, LookVersions
from hive_rpc.types import OPERATOR, Message, Model, Turn

MESSAGES = 100
"""The newest ones."""
LETTERS = 50
JOBS = 50
PREVIEW = 1000
"""Characters of a text: a look shows beginnings."""


@dataclass
class _Known:
    """What is read from the databases, by agent."""

    roster: Sequence[Agent] = ()
    agents: dict[str, Agent] = field(default_factory=dict)
    """The roster by name."""
    unread: dict[str, int] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    turns: dict[str, Turn | None] = field(default_factory=dict)
    messages: dict[int, str] = field(default_factory=dict)
    """Ids by their place, oldest first."""
    cursor: int = 0
    commands: int = -1
    day: datetime | None = None


@dataclass(frozen=True)
class _FromEvents:
    turns: Mapping[str, Turn | None]
    today: Sequence[AgentToday]
    cursor: int


@dataclass(frozen=True)
class _FromCore:
    unread: Mapping[str, int]
    notes: Mapping[str, Note] | None
    messages: Mapping[int, Message]


class Looks:
    def __init__(
        self,
        *,
        core: Database,
        events: Database,
        hub: Hub,
        clock: Clock,
        agents: Agents,
        overview: Overview,
        approvals: Approvals,
        jobs: Jobs,
        questions: Questions,
        dead_letters: DeadLetters,
    ) -> None:
        self._core = core
        self._events = events
        self._hub = hub
        self._clock = clock
        self._agents = agents
        self._overview = overview
        self._approvals = approvals
        self._jobs = jobs
        self._questions = questions
        self._dead_letters = dead_letters
        self._begun = new_id("run")
        self._lock = asyncio.Lock()
        self._ledger = Ledger()
        self._known = _Known()

    @property
    def cursor(self) -> int:
        """The newest event's id when what is known was read: what came since may be among it, nothing is missing."""
        return self._known.cursor

    @property
    def versions(self) -> LookVersions:
        count = self._core.marks.count
        return LookVersions(
            questions=count("questions"),
            reminders=count("reminders"),
            audit=count("audit"),
            people=count("people"),
            accounts=self._overview.accounts_version,
            caps=self._overview.caps_version,
        )

    async def since(self, known: str) -> tuple[News, str, bool]:
        """What is other than at a version that was told before, the version that it makes, and whether it is all."""
        async with self._lock:
            await self._refresh()
        begun, _, number = known.partition(" ")
        continued = begun == self._begun and number.isascii() and number.isdigit() and len(number) < 19
        news = self._ledger.since(int(number) if continued else 0)
        return news, f"{self._begun} {news.version}", not continued

    async def _refresh(self) -> None:
        # The events first: what happens in between is then told again rather than missed.
        told = self._hub.newest
        core, events = self._core.marks.take(), self._events.marks.take()
        try:
            await self._take_in(core, events)
            self._known.cursor = max(self._known.cursor, told)
        except BaseException:
            self._core.marks.give_back(core)
            self._events.marks.give_back(events)
            raise

    async def _take_in(self, core: Collection[Mark], events: Collection[Mark]) -> None:
        known, touched = self._known, {mark.what for mark in core}
        agents = self._agents.all()
        names = known.agents.keys() if agents is known.roster else {agent.name for agent in agents}
        first = known.day is None
        day = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        fresh = names - known.agents.keys()
        turned = fresh | ({mark.whose for mark in events if mark.what == "turns"} & names)
        spent = names if day != known.day else turned
        written = fresh | ({mark.whose for mark in core if mark.what == "unread"} & names)
        after = -1 if first or "forgotten messages" in touched else max(known.messages, default=-1)
        told = first or "messages" in touched or "forgotten messages" in touched

        if turned or spent or first:
            found = await self._events.read(lambda c: _from_events(c, turned, spent, day))
            known.turns.update(found.turns)
            if first:
                # Nobody knows a history of this run's yet. Later on, what is stored may not be counted there so far.
                known.cursor = found.cursor
            for row in found.today:
                self._ledger.put(LookKind.TODAY, row.agent, row)
        dirty = turned | written | {mark.whose for mark in core if mark.what == "notes"}
        if written or told or first or "notes" in touched:
            read = await self._core.read(
                lambda c: _from_core(c, written, notes=first or "notes" in touched, after=after if told else None)
            )
            known.unread.update(read.unread)
            if read.notes is not None:
                known.notes = dict(read.notes)
            if told:
                self._show_messages(read.messages, anew=after < 0)
        if first or "approvals" in touched:
            waiting = [a for a in await self._approvals.page() if not a.state.ended]
            self._show(LookKind.APPROVAL, {a.id: a.model_copy(update={"reason": a.reason[:PREVIEW]}) for a in waiting})
        if first or "jobs" in touched:
            jobs = await self._jobs.page(None, JOBS)
            self._show(LookKind.JOB, {job.id: job for job in jobs if not job.state.ended})
        if first or "questions" in touched:
            asked = [q for q in await self._questions.page(OPERATOR) if q.state is QuestionState.OPEN]
            cut = {q.id: q.model_copy(update={"question": q.question[:PREVIEW], "options": []}) for q in asked}
            self._show(LookKind.QUESTION, cut)
        if first or "letters" in touched:
            letters = (await self._dead_letters.page(limit=LETTERS)).letters
            self._show(
                LookKind.LETTER,
                {one.message.id: one.model_copy(update={"message": _beginning(one.message)}) for one in letters},
            )
        self._show_agents(agents, dirty)
        known.day = day

    def _show_agents(self, agents: Sequence[Agent], dirty: Collection[str]) -> None:
        """Those that were read again, and those of which memory says something else than before."""
        known, commands = self._known, self._overview.commands_version
        anew = commands != known.commands
        if anew or dirty or agents is not known.roster:
            for agent in agents:
                if anew or agent.name in dirty or known.agents.get(agent.name) is not agent:
                    unread, turn = known.unread.get(agent.name, 0), known.turns.get(agent.name)
                    status = self._overview.agent(agent, unread, turn, known.notes.get(agent.name))
                    self._ledger.put(LookKind.AGENT, agent.name, status)
        known.commands = commands
        if agents is not known.roster:
            known.roster, known.agents = agents, {agent.name: agent for agent in agents}
            self._ledger.order(LookKind.AGENT, list(known.agents))
            self._ledger.order(LookKind.TODAY, list(known.agents))
        self._show(LookKind.HIVE, {"": self._overview.hive(agents)})
        holds = [hold for hold in self._overview.holds if hold.kind is HoldKind.CAP]
        self._show(LookKind.HOLD, {f"{hold.kind} {hold.scope} {hold.name}": hold for hold in holds})

    def _show_messages(self, found: Mapping[int, Message], *, anew: bool) -> None:
        known = self._known
        for message in found.values():
            self._ledger.put(LookKind.MESSAGE, message.id, message)
        ids = {} if anew else known.messages
        merged = {**ids, **{seq: message.id for seq, message in found.items()}}
        known.messages = dict(sorted(merged.items())[-MESSAGES:])
        self._ledger.order(LookKind.MESSAGE, list(known.messages.values()))

    def _show(self, kind: LookKind, values: Mapping[str, Model]) -> None:
        for key, value in values.items():
            self._ledger.put(kind, key, value)
        self._ledger.order(kind, list(values))


def _beginning(message: Message) -> Message:
    return message if len(message.body) <= PREVIEW else message.model_copy(update={"body": message.body[:PREVIEW]})


def _from_events(
    connection: sqlite3.Connection, turned: Collection[str], spent: Collection[str], day: datetime
) -> _FromEvents:
    rows = {name: connection.execute(EVENTS.last_turn, {"agent": name}).fetchone() for name in turned}
    return _FromEvents(
        # The cursor first, as above.
        cursor=connection.execute(EVENTS.newest).fetchone()[0],
        turns={name: Turn.model_validate_json(row["turn"]) if row is not None else None for name, row in rows.items()},
        today=today_of(connection, sorted(spent), day),
    )


def _from_core(
    connection: sqlite3.Connection, written: Collection[str], *, notes: bool, after: int | None
) -> _FromCore:
    messages = newest(connection, after, MESSAGES) if after is not None else {}
    return _FromCore(
        unread={name: unread(connection, name) for name in written},
        notes=read_notes(connection) if notes else None,
        messages={seq: _beginning(message) for seq, message in messages.items()},
    )
