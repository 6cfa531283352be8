"""What was said: by agent, between two, by thread, by its words. Nobody learns of what is not theirs to see."""

import asyncio
import re
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hive_core.broker.pages import END, latest, position, within
from hive_core.broker.rows import fitting, message
from hive_core.broker.sending import SQL
from hive_core.store import Database
from hive_core.store.database import READERS
from hive_rpc.dialogue import FoundMessages
from hive_rpc.errors import InvalidError, NotFoundError, TooLargeError
from hive_rpc.interfaces.operator.messages import MessagesReply
from hive_rpc.types import Message

MAX_PAGE = 200
MAX_QUERY_WORDS = 20
MAX_QUERY = 500
"""Characters: the index reads a word as several where it has signs that are none of its letters, and each costs."""
INDEX_BATCH = 100
"""Messages indexed in one write: with bodies of the usual size a few milliseconds."""

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"[^\W_]+")
"""What the index takes for a word: to it, `one_two` is a phrase of two."""


class History:
    """Reads messages. `viewer` is an agent who may see only what it sent or received; None sees all."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._searches = asyncio.Semaphore(READERS - 1)
        self._own: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def turn_of(self, agent: str) -> AsyncIterator[None]:
        """For what an agent may ask for as often as it likes: one at a time, and a reader is left for all others."""
        async with self._own[agent], self._searches:
            yield

    async def page(self, agent: str | None = None, *, before: str | None = None, limit: int = 50) -> MessagesReply:
        """Messages older than `before`, newest last; of what `agent` sent or received, if given."""
        limit = within(limit, MAX_PAGE)
        if agent is None:
            return await self._db.read(lambda c: latest(c, SQL.page, before, limit))
        return await self._db.read(lambda c: latest(c, SQL.page_of_agent, before, limit, agent=agent))

    async def between(self, one: str, other: str, *, before: str | None = None, limit: int = 50) -> MessagesReply:
        """What two have sent to each other, newest last."""
        limit = within(limit, MAX_PAGE)
        return await self._db.read(lambda c: latest(c, SQL.page_of_pair, before, limit, one=one, other=other))

    async def thread(
        self, message_id: str, *, viewer: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> FoundMessages:
        """The thread that a message belongs to, oldest first. Raises NotFoundError."""
        limit = within(limit, MAX_PAGE)
        return await self._db.read(lambda c: _thread(c, message_id, viewer, cursor, limit))

    async def search(
        self, query: str, *, viewer: str | None = None, cursor: str | None = None, limit: int = 20
    ) -> FoundMessages:
        """Messages in which every word occurs, newest first; the last word may be the beginning of one."""
        expression = match_expression(query)
        limit = within(limit, MAX_PAGE)
        await self.index()
        return await self._db.read(lambda c: _search(c, expression, viewer, cursor, limit))

    async def index(self) -> None:
        """Take in the words of what was sent since the last time, a few messages in each write."""
        while await self._db.read(_unindexed):
            await self._db.write(_index_batch)


def newest(connection: sqlite3.Connection, after: int, limit: int) -> dict[int, Message]:
    """At most `limit` of the messages behind a place, by their place, oldest first."""
    rows = connection.execute(SQL.newest, {"after": after, "limit": limit}).fetchall()
    return {row["seq"]: message(row) for row in reversed(rows)}


def match_expression(query: str) -> str:
    """FTS5's expression for plain words: whatever its syntax would make of them, they are only words here."""
    if len(query) > MAX_QUERY:
        raise TooLargeError(f"{len(query)} characters to search for; {MAX_QUERY} is the limit.", limit=MAX_QUERY)
    words = _WORD.findall(query)
    if not words:
        raise InvalidError("There is no word to search for.", hint="Give one or more words.")
    count = max(len(words), len(_TOKEN.findall(query)))
    if count > MAX_QUERY_WORDS:
        raise TooLargeError(f"{count} words to search for; {MAX_QUERY_WORDS} is the limit.", limit=MAX_QUERY_WORDS)
    return " ".join(f'"{word}"' for word in words) + "*"


def _thread(
    connection: sqlite3.Connection, message_id: str, viewer: str | None, cursor: str | None, limit: int
) -> FoundMessages:
    row = connection.execute(SQL.referenced, {"id": message_id}).fetchone()
    if row is None or viewer not in (None, row["sender"], row["recipient"]):
        raise NotFoundError(f"There is no message {message_id}.")
    after = position(connection, cursor) if cursor is not None else 0
    parameters = {"thread": row["thread"] or row["id"], "viewer": viewer, "after": after, "limit": limit + 1}
    return _found(connection.execute(SQL.thread, parameters).fetchall(), limit)


def _search(
    connection: sqlite3.Connection, expression: str, viewer: str | None, cursor: str | None, limit: int
) -> FoundMessages:
    before = position(connection, cursor) if cursor is not None else END
    parameters = {"words": expression, "viewer": viewer, "before": before, "limit": limit + 1}
    return _found(connection.execute(SQL.search, parameters).fetchall(), limit)


def _found(rows: list[sqlite3.Row], limit: int) -> FoundMessages:
    kept = fitting(rows[:limit])
    more = len(kept) < len(rows)
    return FoundMessages(messages=[message(row) for row in kept], cursor=kept[-1]["id"] if more else None)


def _unindexed(connection: sqlite3.Connection) -> bool:
    return connection.execute(SQL.unindexed).fetchone() is not None


def _index_batch(connection: sqlite3.Connection) -> None:
    rows = fitting(connection.execute(SQL.to_index, {"limit": INDEX_BATCH}))
    for row in rows:
        connection.execute(SQL.index_words, {"seq": row["seq"], "body": row["body"]})
    if rows:
        connection.execute(SQL.indexed_up_to, {"seq": rows[-1]["seq"]})
