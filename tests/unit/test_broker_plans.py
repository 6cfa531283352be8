"""A backlog costs nothing: what every send, receive and ack runs is found by an index, however much there is."""

import re
import sqlite3
from collections.abc import Iterator

import pytest

from hive_core.broker import leases, sending
from hive_core.broker.sending import SQL
from hive_core.questions.rows import SQL as QUESTIONS
from hive_core.reminders.delivery import SQL as REMINDERS
from hive_core.store.migrations import migrate

BACKLOG = 100_000
NOW = 1_800_000_000_000

# Counts and lists over everything are for sweeps, metrics and the operator, not for the way of a message.
NOT_ON_THE_WAY = {"grace", "unread_of_all", "page", "all_dead"}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """A hundred thousand messages to one of ten agents, four fifths of them done."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrate(connection, "core")
    rows = range(BACKLOG)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO messages (seq, id, sender, recipient, body, sent_at) VALUES (?, ?, ?, ?, 'x', ?)",
        ((n + 1, f"msg_{n}", f"a{n % 7}", f"a{n % 10}", NOW) for n in rows),
    )
    connection.executemany(
        "INSERT INTO deliveries (seq, recipient, state, settled_at) VALUES (?, ?, ?, ?)",
        ((n + 1, f"a{n % 10}", "ready" if n % 50 < 10 else "done", None if n % 50 < 10 else NOW) for n in rows),
    )
    connection.execute("COMMIT")
    connection.execute("INSERT INTO instances (agent, instance, hello_at) VALUES ('a1', 'i1', 0)")
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, query: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":(\w+)", query))
    return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", parameters)]


@pytest.mark.parametrize("name", [name for name, _ in SQL if name not in NOT_ON_THE_WAY])
def test_no_query_of_the_broker_reads_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    scans = [step for step in plan(connection, getattr(SQL, name)) if re.match(r"SCAN (?!CONSTANT|\()", step)]
    in_order = [s for s in scans if re.search(r"USING (COVERING )?INDEX deliveries_|VIRTUAL TABLE|_progress", s)]
    assert scans == in_order


def test_a_full_inbox_is_seen_without_looking_at_what_others_sent(connection: sqlite3.Connection) -> None:
    [step] = plan(connection, SQL.is_full)
    assert step.startswith("SEARCH deliveries USING INDEX deliveries_unread (recipient=? AND sender=?)")


@pytest.mark.parametrize("query", [REMINDERS.due, REMINDERS.next_due, QUESTIONS.expired, QUESTIONS.next_expiry])
def test_what_the_schedulers_ask_is_found_by_an_index(connection: sqlite3.Connection, query: str) -> None:
    assert all("INDEX" in step for step in plan(connection, query))


@pytest.mark.parametrize("name", ["ready", "dead", "dead_of_agent", "page", "page_of_pair", "search"])
def test_nothing_is_sorted_that_an_index_has_in_order(connection: sqlite3.Connection, name: str) -> None:
    outer = [step for step in plan(connection, getattr(SQL, name)) if "TEMP B-TREE FOR ORDER BY" in step]
    assert outer == []


def steps(connection: sqlite3.Connection, work: object) -> int:
    """How many instructions SQLite's machine runs, in tens."""
    count = 0

    def progress() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(progress, 10)
    try:
        assert callable(work)
        work()
    finally:
        connection.set_progress_handler(None, 0)
    return count


def test_a_send_a_receive_and_an_ack_cost_the_same_with_a_backlog_as_without(connection: sqlite3.Connection) -> None:
    empty = sqlite3.connect(":memory:", isolation_level=None)
    empty.row_factory = sqlite3.Row
    migrate(empty, "core")
    empty.execute("INSERT INTO instances (agent, instance, hello_at) VALUES ('a1', 'i1', 0)")

    def way_of_a_message(at: sqlite3.Connection) -> None:
        draft = sending.Draft("a2", ("a1",), "hello", "key", None, False, False)
        sending.store(at, draft, NOW)
        taken = leases.take(at, "a1", "i1", 1, NOW, 60_000, 5)
        assert leases.ack(at, "a1", "i1", [taken.messages[0].id], NOW) == [taken.messages[0].id]

    without = steps(empty, lambda: way_of_a_message(empty))
    empty.close()
    connection.execute("BEGIN")
    assert steps(connection, lambda: way_of_a_message(connection)) <= without * 1.2 + 5
    connection.execute("ROLLBACK")
