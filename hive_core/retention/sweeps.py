"""What a sweep deletes: one function for each kind, a generator that deletes one row at each step.

Whoever steps it decides how long it may go on: a row is the most that is done between two looks at the clock.
"""

import sqlite3
from collections.abc import Callable, Iterator

from hive_core.store import Queries

SQL = Queries("hive_core.retention")
EVENT_SQL = Queries("hive_core.retention", "event_queries.sql")
BATCH = 256
"""Rows of one transaction at most: so many are looked up before the first of them goes."""

Sweep = Callable[[sqlite3.Connection, int], Iterator[None]]
"""`sweep(connection, before_ms)`. When it has stepped fewer than `BATCH` times and ends, nothing old is left."""


def messages(connection: sqlite3.Connection, before_ms: int) -> Iterator[None]:
    for row in _old(connection, SQL.old_messages, before_ms):
        # The index holds no text of its own: it has to be told what to forget.
        connection.execute(SQL.forget_words, {"seq": row["seq"]})
        connection.execute(SQL.delete_message, {"seq": row["seq"]})
        yield


def events(connection: sqlite3.Connection, before_ms: int) -> Iterator[None]:
    for row in _old(connection, EVENT_SQL.old_events, before_ms):
        gone = connection.execute(EVENT_SQL.delete_event, {"id": row["id"]}).fetchone()
        connection.execute(EVENT_SQL.take_bytes, {"agent": gone["agent"], "bytes": gone["size"]})
        connection.execute(EVENT_SQL.raise_horizon, {"id": row["id"]})
        yield


def free_pages(connection: sqlite3.Connection, before_ms: int) -> Iterator[None]:
    """Give unused pages back to the file system."""
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    for _ in range(min(free, BATCH)):
        # The pragma frees a page at each step of the statement, and Python's sqlite3 steps one without columns once.
        connection.execute("PRAGMA incremental_vacuum(1)")
        yield


def rows_of(old: str, delete: str) -> Sweep:
    """Rows that `old` finds, the values of which `delete` takes; nothing else hangs on them."""

    def sweep(connection: sqlite3.Connection, before_ms: int) -> Iterator[None]:
        for row in _old(connection, old, before_ms):
            connection.execute(delete, dict(row))
            yield

    return sweep


def _old(connection: sqlite3.Connection, query: str, before_ms: int) -> list[sqlite3.Row]:
    return connection.execute(query, {"before": before_ms, "limit": BATCH}).fetchall()


reminders = rows_of(SQL.old_reminders, SQL.delete_reminder)
reminder_attempts = rows_of(SQL.old_reminder_attempts, SQL.delete_reminder_attempt)
questions = rows_of(SQL.old_questions, SQL.delete_question)
jobs = rows_of(SQL.old_jobs, SQL.delete_job)
approvals = rows_of(SQL.old_approvals, SQL.delete_approval)
instances = rows_of(SQL.old_instances, SQL.delete_instance)
sessions = rows_of(SQL.old_sessions, SQL.delete_session)
audit = rows_of(SQL.old_audit, SQL.delete_audit)
turns = rows_of(EVENT_SQL.old_turns, EVENT_SQL.delete_turn)
