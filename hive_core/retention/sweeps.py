"""What a sweep deletes: one function for each kind, which deletes at most `limit` rows and returns how many it did."""

import sqlite3
from collections.abc import Callable

from hive_core.store import Queries

SQL = Queries("hive_core.retention")
EVENT_SQL = Queries("hive_core.retention", "event_queries.sql")

Sweep = Callable[[sqlite3.Connection, int, int], int]
"""`sweep(connection, before_ms, limit)`."""


def messages(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    rows = connection.execute(SQL.old_messages, {"before": before_ms, "limit": limit}).fetchall()
    for row in rows:
        # The index holds no text of its own: it has to be told what to forget.
        connection.execute(SQL.forget_words, {"seq": row["seq"], "body": row["body"]})
        connection.execute(SQL.delete_message, {"seq": row["seq"]})
    return len(rows)


def reminders(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    return connection.execute(SQL.old_reminders, {"before": before_ms, "limit": limit}).rowcount


def reminder_attempts(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    return connection.execute(SQL.old_reminder_attempts, {"before": before_ms, "limit": limit}).rowcount


def questions(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    return connection.execute(SQL.old_questions, {"before": before_ms, "limit": limit}).rowcount


def instances(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    return connection.execute(SQL.old_instances, {"before": before_ms, "limit": limit}).rowcount


def events(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    rows = connection.execute(EVENT_SQL.old_events, {"before": before_ms, "limit": limit}).fetchall()
    for row in rows:
        connection.execute(EVENT_SQL.take_bytes, {"agent": row["agent"], "bytes": row["size"]})
    if rows:
        connection.execute(EVENT_SQL.raise_horizon, {"id": max(row["id"] for row in rows)})
    return len(rows)


def turns(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    return connection.execute(EVENT_SQL.old_turns, {"before": before_ms, "limit": limit}).rowcount


def free_pages(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Give unused pages back to the file system."""
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    given = min(free, limit)
    for _ in range(given):
        # The pragma frees a page at each step of the statement, and Python's sqlite3 steps one without columns once.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return given
