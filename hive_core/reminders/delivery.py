"""Delivering what is due: what runs in the writer's thread, one transaction for a batch."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hive_core.broker import sending
from hive_core.store import Queries, from_ms
from hive_rpc.types import SYSTEM, Message

SQL = Queries("hive_core.reminders")
BATCH = 100
"""Reminders delivered in one transaction."""


@dataclass(frozen=True)
class Delivered:
    messages: Sequence[Message]
    failed: int
    next_due_ms: int | None


def deliver(connection: sqlite3.Connection, known: Collection[str], now_ms: int) -> Delivered:
    """Deliver what is due, oldest first. One that repeats fires once, however often it was due while core was down, and
    not again before what it said the last time was taken.
    """
    messages: list[Message] = []
    failed = 0
    for row in connection.execute(SQL.due, {"now": now_ms, "limit": BATCH}).fetchall():
        if row["every_ms"] is not None and connection.execute(SQL.waits, {"key": _key(row, -1)}).fetchone():
            connection.execute(SQL.again, {"id": row["id"], "due_at": _next(row, now_ms)})
            continue
        there = row["agent"] in known
        connection.execute(SQL.attempt, {"agent": row["agent"], "now": now_ms, "delivered": there})
        if not there:
            error = f"There is no agent {row['agent']} any more."
            connection.execute(SQL.failed, {"id": row["id"], "now": now_ms, "error": error})
            failed += 1
            continue
        draft = sending.Draft(
            sender=SYSTEM,
            recipients=(row["agent"],),
            body=_body(row),
            key=_key(row),
            in_reply_to=None,
            automatic=False,
            broadcast=False,
        )
        messages += sending.store(connection, draft, now_ms).messages
        if row["every_ms"] is None:
            connection.execute(SQL.delivered, {"id": row["id"], "now": now_ms})
        else:
            connection.execute(SQL.delivered_and_again, {"id": row["id"], "due_at": _next(row, now_ms)})
    return Delivered(messages, failed, connection.execute(SQL.next_due).fetchone()[0])


def _key(row: sqlite3.Row, before: int = 0) -> str:
    """Of the message of this delivery, or of one before it."""
    return f"{row['id']}/{row['deliveries'] + before}"


def _next(row: sqlite3.Row, now_ms: int) -> int:
    missed = (now_ms - row["due_at"]) // row["every_ms"]
    return int(row["due_at"] + (missed + 1) * row["every_ms"])


def _body(row: sqlite3.Row) -> str:
    set_at = from_ms(row["created_at"]).isoformat(timespec="seconds").replace("+00:00", "Z")
    head = f"Reminder {row['id']}, which you set at {set_at}"
    if row["every_ms"] is not None:
        head += f" and which repeats every {row['every_ms'] / 1000:g} seconds until you cancel it with `cancel`"
    return f"{head}:\n\n{row['message']}"
