"""Jobs as rows and as models."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from hive_base.ids import new_id
from hive_core.jobs.orders import Order
from hive_core.operators.audit import Actor, Audit
from hive_core.store import Queries, from_ms
from hive_rpc.configuration import Job, JobKind, JobState, JobStep
from hive_rpc.errors import NotFoundError
from hive_rpc.types import Object

SQL = Queries("hive_core.jobs")
_AUDITED = ("purge", "sha")
"""Of an order's details, what tells it from others of its kind; the rest is long, and stands with the job."""


@dataclass(frozen=True)
class Entry:
    """A job, with what only core knows of it."""

    job: Job
    details: Mapping[str, str]
    actor: Actor
    batch: str | None


def entry(row: sqlite3.Row) -> Entry:
    job = Job(
        id=row["id"],
        kind=JobKind(row["kind"]),
        agent=row["agent"],
        state=JobState(row["state"]),
        step=JobStep(row["step"]),
        approval=row["approval"],
        requested_by=row["requested_by"],
        requested_at=from_ms(row["requested_at"]),
        started_at=from_ms(row["started_at"]) if row["started_at"] is not None else None,
        ended_at=from_ms(row["ended_at"]) if row["ended_at"] is not None else None,
        error=row["error"],
        wave=row["wave"],
    )
    return Entry(job, json.loads(row["details"]), Actor(row["requested_by"], row["requested_via"]), row["batch"])


def get(connection: sqlite3.Connection, job_id: str) -> Entry:
    row = connection.execute(SQL.get, {"id": job_id}).fetchone()
    if row is None:
        raise NotFoundError(f"There is no job {job_id}.", hint="`hive deploys` lists them.")
    return entry(row)


def add(connection: sqlite3.Connection, order: Order, now_ms: int) -> Entry:
    """Queue it with its audit row; one that waits for the very same takes its place, with one asker more."""
    details = json.dumps(dict(order.details), sort_keys=True)
    same = {"kind": order.kind, "agent": order.agent, "details": details, "approval": order.approval}
    row = connection.execute(SQL.same, same).fetchone()
    who = {"by": order.actor.name, "via": order.actor.via}
    if row is not None:
        job_id = str(row["id"])
        if not connection.execute(SQL.join, {**who, "id": job_id}).rowcount:
            return entry(row)
    else:
        job_id = new_id("job")
        connection.execute(
            SQL.add, {**same, **who, "id": job_id, "now": now_ms, "batch": order.batch, "wave": order.wave}
        )
    said: Object = {word: order.details[word] for word in _AUDITED if word in order.details}
    Audit.record(
        connection,
        from_ms(now_ms),
        order.actor,
        order.kind,
        order.agent,
        outcome="asked",
        details={"job": job_id, **said},
    )
    return get(connection, job_id)


def askers(connection: sqlite3.Connection, job_id: str) -> list[Actor]:
    """Everybody who asked for it."""
    return [Actor(row["name"], row["via"]) for row in connection.execute(SQL.askers, {"id": job_id})]


def say(connection: sqlite3.Connection, job_id: str, line: str, now_ms: int) -> None:
    connection.execute(SQL.say, {"id": job_id, "line": line, "now": now_ms})


def log(connection: sqlite3.Connection, job_id: str) -> str:
    return "".join(f"{row['line']}\n" for row in connection.execute(SQL.lines, {"id": job_id}))
