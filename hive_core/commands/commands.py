"""The verbs of commands: asked, queued, carried out by the harness or refused, and shown meanwhile."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_core.agents.agents import Agents
from hive_core.agents.models import Agent
from hive_core.commands import wishes
from hive_core.commands.sense import LASTING, check_now, check_value
from hive_core.commands.wishes import SQL, Wishes
from hive_core.events.cutting import MAX_REASON, cut
from hive_core.operators.audit import Actor, Audit
from hive_core.store import Database, from_ms, to_ms
from hive_rpc.commands import AgentCommand, AgentCommandKind, AgentCommandState, Effort
from hive_rpc.interfaces.agent import Command, CommandKind, Settings
from hive_rpc.types import Event, EventKind

KEPT = 200
"""Ended commands that are kept of each agent."""


class Commands:
    """`command` sends to an agent's harness, `tell` is the event store's, `changed` says that settings are others,
    `waking` clears the way of an agent that is to try again, and says which account stood in it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        agents: Agents,
        *,
        command: Callable[[str, Command], object],
        tell: Callable[[str, Event], None],
    ) -> None:
        self._db = database
        self._clock = clock
        self._agents = agents
        self._command = command
        self._tell = tell
        self._wishes: dict[str, Wishes] = {}
        self._queued: dict[str, AgentCommand] = {}
        self.changed: Callable[[], None] = lambda: None
        self.waking: Callable[[Agent], Awaitable[str | None]] = _nothing_holds
        self.version = 0
        """Of what is wanted and queued."""

    async def load(self) -> None:
        """What was wanted and queued before this start of core."""
        self._wishes = await self._db.read(wishes.load)
        rows = await self._db.read(lambda c: c.execute(SQL.queued_of_all).fetchall())
        self._queued = {row["id"]: _read(row) for row in rows}

    def wishes(self, agent: Agent) -> Wishes:
        """Those of an earlier agent of the same name are not this one's."""
        known = self._wishes.get(agent.name)
        return known if known is not None and known.at >= agent.created_at else Wishes(agent.created_at)

    def settings(self, agent: Agent) -> Settings:
        """What the agent is configured to do, with what operators commanded since."""
        return self.wishes(agent).applied_to(agent.config.settings())

    async def ask(self, actor: Actor, name: str, kind: AgentCommandKind, value: str | None) -> AgentCommand:
        """Queue a command, or find the same one queued. Raises ConflictError when it makes no sense now."""
        agent = self._agents.get(name)
        check_value(agent, kind, value)
        check_now(agent, kind)
        account = await self.waking(agent) if kind is AgentCommandKind.WAKE else None
        now = self._clock.now()
        lasting = kind in LASTING
        state = AgentCommandState.DONE if lasting else AgentCommandState.QUEUED
        row = {
            "id": new_id("command"),
            "agent": name,
            "kind": kind.value,
            "value": value,
            "state": state.value,
            "reason": None,
            "asked_by": actor.name,
            "asked_at": to_ms(now),
            "ended_at": to_ms(now) if lasting else None,
        }
        wanted = _wanted(replace(self.wishes(agent), at=now), kind, value) if lasting else None

        def write(connection: sqlite3.Connection) -> AgentCommand:
            if connection.execute(SQL.queue, row).rowcount == 0:
                return _read(connection.execute(SQL.queued, row).fetchone())
            connection.execute(SQL.drop_old_ones, {"agent": name, "keep": KEPT})
            if wanted is not None:
                wishes.save(connection, name, wanted)
            details = {word: said for word, said in (("value", value), ("account", account)) if said is not None}
            Audit.record(connection, now, actor, kind.value, name, outcome=state.value, details=details)
            return _read(connection.execute(SQL.one, row).fetchone())

        asked = await self._db.write(write)
        if asked.id == row["id"]:
            self._begin(asked, wanted, now)
        return asked

    def _begin(self, asked: AgentCommand, wanted: Wishes | None, now: datetime) -> None:
        self._tell(asked.agent, Event(kind=EventKind.NOTICE, at=now, text=f"{asked.asked_by} asked: {_words(asked)}."))
        self.version += 1
        if wanted is not None:
            self._wishes[asked.agent] = wanted
            self.changed()
        else:
            self._queued[asked.id] = asked
            self._command(asked.agent, _to_harness(asked))

    async def ended(self, name: str, command: str, refused: str | None) -> None:
        """The harness says how one ended."""
        state = AgentCommandState.DONE if refused is None else AgentCommandState.REFUSED
        now = self._clock.now()
        refused = cut(refused, MAX_REASON) if refused is not None else None
        end = {"id": command, "agent": name, "state": state.value, "reason": refused, "now": to_ms(now)}
        row = await self._db.write(lambda c: c.execute(SQL.end, end).fetchone())
        if (queued := self._queued.get(command)) is not None and queued.agent == name:
            del self._queued[command]
            self.version += 1
        if row is not None and refused is not None:
            text = f"{_words(_read(row))} came to nothing: {refused}"
            self._tell(name, Event(kind=EventKind.NOTICE, at=now, text=text))

    def for_harness(self, name: str) -> Sequence[Command]:
        """What is queued, for a harness that begins to listen."""
        return [_to_harness(asked) for asked in self.queued(self._agents.get(name))]

    def queued(self, agent: Agent) -> list[AgentCommand]:
        """Oldest first."""
        return [q for q in self._queued.values() if q.agent == agent.name and q.asked_at >= agent.created_at]

    async def latest(self, name: str, limit: int) -> list[AgentCommand]:
        """The newest first."""
        asked = {"agent": name, "since": to_ms(self._agents.get(name).created_at), "limit": limit}
        return [_read(row) for row in await self._db.read(lambda c: c.execute(SQL.latest, asked).fetchall())]


async def _nothing_holds(agent: Agent) -> None:
    return None


def _wanted(before: Wishes, kind: AgentCommandKind, value: str | None) -> Wishes:
    match kind:
        case AgentCommandKind.MODEL:
            return replace(before, model=value)
        case AgentCommandKind.EFFORT:
            return replace(before, effort=Effort(value) if value else None)
        case _:
            return replace(before, paused=kind is AgentCommandKind.PAUSE)


def _to_harness(asked: AgentCommand) -> Command:
    return Command(kind=CommandKind(asked.kind.value), id=asked.id)


def _words(asked: AgentCommand) -> str:
    said = asked.kind.value.replace("_", " ")
    return f"{said} {asked.value}" if asked.value else said


def _read(row: sqlite3.Row) -> AgentCommand:
    return AgentCommand(
        id=row["id"],
        agent=row["agent"],
        kind=AgentCommandKind(row["kind"]),
        value=row["value"],
        state=AgentCommandState(row["state"]),
        reason=row["reason"],
        asked_by=row["asked_by"],
        asked_at=from_ms(row["asked_at"]),
        ended_at=None if row["ended_at"] is None else from_ms(row["ended_at"]),
    )
