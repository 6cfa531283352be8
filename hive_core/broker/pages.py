"""Reading messages back: pages and replies. Runs on reading connections."""

import sqlite3

from hive_core.broker.rows import fitting, message
from hive_core.broker.sending import SQL
from hive_rpc.errors import NotFoundError
from hive_rpc.interfaces.operator import MessagesReply
from hive_rpc.types import Message

_END = 2**63 - 1


def page(connection: sqlite3.Connection, agent: str | None, before: str | None, limit: int) -> MessagesReply:
    """At most `limit` messages older than `before`, newest last, as many as fit into a frame."""
    parameters = {"before": _position(connection, before), "limit": limit + 1, "agent": agent}
    rows = connection.execute(SQL.page if agent is None else SQL.page_of_agent, parameters).fetchall()
    kept = fitting(rows[:limit])
    return MessagesReply(messages=[message(row) for row in reversed(kept)], more=len(kept) < len(rows))


def sender_of(connection: sqlite3.Connection, message_id: str) -> str:
    row = connection.execute(SQL.sender_of, {"id": message_id}).fetchone()
    if row is None:
        raise NotFoundError(f"There is no message {message_id}.")
    return str(row["sender"])


def reply(connection: sqlite3.Connection, message_id: str, asker: str) -> Message | None:
    row = connection.execute(SQL.reply, {"id": message_id, "asker": asker}).fetchone()
    return message(row) if row is not None else None


def _position(connection: sqlite3.Connection, before: str | None) -> int:
    if before is None:
        return _END
    row = connection.execute(SQL.seq_of, {"id": before}).fetchone()
    if row is None:
        raise NotFoundError(f"There is no message {before}.")
    return int(row["seq"])
