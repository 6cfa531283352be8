"""Reading messages back, a page at a time, each no larger than a frame. Runs on reading connections."""

import sqlite3

from hive_core.broker.rows import fitting, message
from hive_core.broker.sending import SQL
from hive_rpc.errors import InvalidError, NotFoundError
from hive_rpc.interfaces.operator.messages import MessagesReply
from hive_rpc.types import Message

END = 2**63 - 1


def latest(connection: sqlite3.Connection, query: str, before: str | None, limit: int, **who: str) -> MessagesReply:
    """At most `limit` messages older than `before`, newest last. The query gives them newest first."""
    start = position(connection, before) if before is not None else END
    rows = connection.execute(query, {"before": start, "limit": limit + 1, **who}).fetchall()
    kept = fitting(rows[:limit])
    return MessagesReply(messages=[message(row) for row in reversed(kept)], more=len(kept) < len(rows))


def sender_of(connection: sqlite3.Connection, message_id: str) -> str:
    row = connection.execute(SQL.sender_of, {"id": message_id}).fetchone()
    if row is None:
        raise NotFoundError(f"There is no message {message_id}.")
    return str(row["sender"])


def unread(connection: sqlite3.Connection, agent: str) -> int:
    """Messages that wait to be handed out."""
    return int(connection.execute(SQL.unread, {"agent": agent}).fetchone()[0])


def reply(connection: sqlite3.Connection, message_id: str, asker: str) -> Message | None:
    row = connection.execute(SQL.reply, {"id": message_id, "asker": asker}).fetchone()
    return message(row) if row is not None else None


def position(connection: sqlite3.Connection, message_id: str) -> int:
    row = connection.execute(SQL.seq_of, {"id": message_id}).fetchone()
    if row is None:
        raise NotFoundError(f"There is no message {message_id}.")
    return int(row["seq"])


def within(limit: int, most: int) -> int:
    if limit < 1:
        raise InvalidError(f"At least one has to be asked for, not {limit}.")
    return min(limit, most)
