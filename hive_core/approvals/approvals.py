"""The queue of approvals: asking, deciding, running out, and how it ended. Every change has its audit row."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_core.alarm import Alarm
from hive_core.approvals import rows
from hive_core.approvals.rows import SQL, Payload
from hive_core.approvals.telling import AGENT_SOCKET, outcome
from hive_core.frames import fitting
from hive_core.jobs import Order
from hive_core.jobs import rows as job_rows
from hive_core.jobs.rows import Entry
from hive_core.operators.audit import CORE, Actor, Audit
from hive_core.store import Database, from_ms, to_ms
from hive_rpc.configuration import MAX_REASON, Approval, ApprovalKind, ApprovalState, JobKind, JobState
from hive_rpc.errors import ConflictError, RateLimitedError, TooLargeError
from hive_rpc.types import Message

TIME_TO_LIVE = timedelta(days=7)
MAX_PENDING = 20
"""Of one who asks."""
_LISTED = 200
_EXPIRY_BATCH = 50
_JOBS = {
    ApprovalKind.SPAWN: JobKind.SPAWN,
    ApprovalKind.APPLY_CONFIG: JobKind.REBUILD,
    ApprovalKind.UPDATE_INPUTS: JobKind.UPDATE,
    ApprovalKind.DESTROY: JobKind.DESTROY,
}
_ENDS = {
    JobState.DONE: ApprovalState.DEPLOYED,
    JobState.FAILED: ApprovalState.FAILED,
    JobState.CANCELLED: ApprovalState.CANCELLED,
}


@dataclass(frozen=True)
class Request:
    """What somebody asks for. Whoever makes it has validated it: a person sees nothing that cannot be."""

    agent: str
    payload: Payload
    reason: str
    config: str = ""
    """The `agent.toml` of the pinned commit."""


class Approvals:
    """`run` lets what nobody decides expire. `queued` is called when a job was put into the queue."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        announce: Callable[[Sequence[Message]], None],
        queued: Callable[[], None],
    ) -> None:
        self._db = database
        self._clock = clock
        self._announce = announce
        self._queued = queued
        self._alarm = Alarm(clock, self.expire)

    async def run(self) -> None:
        await self._alarm.run()

    async def ask(self, actor: Actor, request: Request, approval_id: str | None = None) -> Approval:
        """Put it before the operators; asking for the same again gives the one that waits already.

        Raises TooLargeError, RateLimitedError.
        """
        if len(request.reason) > MAX_REASON:
            raise TooLargeError(f"The reason has more than {MAX_REASON} characters.", limit=MAX_REASON)
        now = self._clock.now()
        kind = rows.kind_of(request.payload)
        who = {"by": actor.name, "via": actor.via}
        same = {"kind": kind, "agent": request.agent, "payload": request.payload.model_dump_json()}
        row = {
            **who,
            **same,
            "id": approval_id or new_id("apr"),
            "config": request.config,
            "reason": request.reason,
            "now": to_ms(now),
            "expires_at": to_ms(now + TIME_TO_LIVE),
        }

        def write(connection: sqlite3.Connection) -> Approval:
            found = connection.execute(SQL.same, same).fetchone()
            if found is not None:
                if connection.execute(SQL.join, {**who, "id": found["id"]}).rowcount:
                    said = {"approval": found["id"], "reason": request.reason}
                    Audit.record(connection, now, actor, kind, request.agent, outcome="requested", details=said)
                return rows.approval(found)
            (count,) = connection.execute(SQL.pending_count, who).fetchone()
            if count >= MAX_PENDING:
                raise RateLimitedError(
                    f"{actor.name} has {count} requests that wait for a decision.",
                    hint="Wait until the operator has decided some.",
                )
            connection.execute(SQL.add, row)
            details = {"approval": row["id"], "reason": request.reason}
            Audit.record(connection, now, actor, kind, request.agent, outcome="requested", details=details)
            return rows.get(connection, str(row["id"]))

        asked = await self._db.write(write)
        self._alarm.changed()
        return asked

    async def approve(self, actor: Actor, approval_id: str, note: str, details: Mapping[str, str]) -> Approval:
        """Say yes: the job that carries it out is queued in the same transaction, with these details."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> Approval:
            found = rows.get(connection, approval_id)
            self._check_pending(found, now)
            order = Order(_JOBS[found.kind], found.agent, actor, approval=found.id, details=details)
            job = job_rows.add(connection, order, to_ms(now)).job.id
            _decide(connection, found, ApprovalState.APPROVED, actor, now, note, job)
            return rows.get(connection, approval_id)

        approved = await self._db.write(write)
        self._queued()
        return approved

    async def deny(self, actor: Actor, approval_id: str, note: str) -> Approval:
        """Say no; whoever asked is told, with the note."""
        return await self._refuse(actor, approval_id, note, ApprovalState.DENIED)

    async def withdraw(self, actor: Actor, approval_id: str, note: str) -> Approval:
        """End one that nobody has decided; one that was approved ends with its job."""
        return await self._refuse(actor, approval_id, note, ApprovalState.CANCELLED)

    async def get(self, approval_id: str) -> Approval:
        """Raises NotFoundError."""
        return await self._db.read(lambda c: rows.get(c, approval_id))

    async def config(self, approval_id: str) -> str:
        """The `agent.toml` that it is about."""
        return str(await self._db.read(lambda c: rows.row(c, approval_id)["config"]))

    async def before(self, later: Approval, *, approved: bool) -> Approval | None:
        """The proposal before this one; with `approved` the one that was approved last."""
        query = SQL.approved_before if approved else SQL.proposed_before
        found = await self._db.read(lambda c: c.execute(query, {"agent": later.agent, "id": later.id}).fetchone())
        return rows.approval(found) if found is not None else None

    async def page(self, *, everything: bool = False) -> list[Approval]:
        """Those that wait by age, those under way, and with `everything` the newest of the others."""
        limit = {"limit": _LISTED}

        def read(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            found = connection.execute(SQL.pending, limit).fetchall()
            found += connection.execute(SQL.under_way, limit).fetchall()
            return found + connection.execute(SQL.ended, limit).fetchall() if everything else found

        return fitting(rows.approval(row) for row in (await self._db.read(read))[:_LISTED])

    async def pending_of(self, agent: str) -> list[Approval]:
        """What this agent has asked for and nobody has decided, by age."""
        who = {"by": agent, "via": AGENT_SOCKET, "limit": _LISTED}
        found = await self._db.read(lambda c: c.execute(SQL.pending_of, who).fetchall())
        return fitting(rows.approval(row) for row in found)

    async def expire(self) -> datetime | None:
        """End what has waited for too long, and say when the next one has."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> tuple[list[Message], int | None]:
            told: list[Message] = []
            found = connection.execute(SQL.expired, {"now": to_ms(now), "limit": _EXPIRY_BATCH}).fetchall()
            for row in found:
                told += _end(connection, row, ApprovalState.EXPIRED, None, "", now)
                approval = rows.approval(row)
                details = {"approval": approval.id}
                Audit.record(connection, now, CORE, approval.kind, approval.agent, outcome="expired", details=details)
            return told, connection.execute(SQL.next_expiry).fetchone()[0]

        told, next_ms = await self._db.write(write)
        self._announce(told)
        return from_ms(next_ms) if next_ms is not None else None

    def job_begun(self, connection: sqlite3.Connection, entry: Entry) -> None:
        """In the transaction that begins a job."""
        if entry.job.approval is not None:
            connection.execute(SQL.begin, {"id": entry.job.approval})

    def job_ended(self, connection: sqlite3.Connection, entry: Entry, now_ms: int) -> list[Message]:
        """In the transaction that ends a job: so ends what it was for, and whoever asked for that is told."""
        if entry.job.approval is None:
            return []
        found = rows.row(connection, entry.job.approval)
        log = job_rows.log(connection, entry.job.id)
        return _end(connection, found, _ENDS[entry.job.state], entry.job.error, log, from_ms(now_ms))

    async def _refuse(self, actor: Actor, approval_id: str, note: str, state: ApprovalState) -> Approval:
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> tuple[Approval, list[Message]]:
            found = rows.get(connection, approval_id)
            self._check_pending(found, now)
            _decide(connection, found, state, actor, now, note, None)
            refused = rows.get(connection, approval_id)
            return refused, outcome(connection, refused, "", to_ms(now))

        refused, told = await self._db.write(write)
        self._announce(told)
        return refused

    @staticmethod
    def _check_pending(found: Approval, now: datetime) -> None:
        if found.state is not ApprovalState.PENDING:
            by = f" by {found.decided_by}" if found.decided_by else ""
            raise ConflictError(f"{found.id} was decided already: it is {found.state}{by}.")
        if found.expires_at <= now:
            raise ConflictError(f"{found.id} has expired.", hint="Let it be asked for again.")


def _decide(
    connection: sqlite3.Connection,
    found: Approval,
    state: ApprovalState,
    actor: Actor,
    now: datetime,
    note: str,
    job: str | None,
) -> None:
    connection.execute(
        SQL.decide,
        {
            "id": found.id,
            "state": state,
            "by": actor.name,
            "via": actor.via,
            "now": to_ms(now),
            "note": note or None,
            "job": job,
            "ended_at": to_ms(now) if state.ended else None,
        },
    )
    details = {"approval": found.id, "sha": found.sha, "note": note}
    Audit.record(connection, now, actor, found.kind, found.agent, outcome=state, details=details)


def _end(
    connection: sqlite3.Connection,
    found: sqlite3.Row,
    state: ApprovalState,
    error: str | None,
    log: str,
    now: datetime,
) -> list[Message]:
    connection.execute(SQL.end, {"id": found["id"], "state": state, "error": error, "now": to_ms(now)})
    return outcome(connection, rows.get(connection, found["id"]), log, to_ms(now))
