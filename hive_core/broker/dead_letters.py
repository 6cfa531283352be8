"""Dead letters: messages that were handed out again and again and never acknowledged. An operator decides on them."""

import sqlite3
from collections.abc import Callable

from hive_base.clock import Clock
from hive_core.broker.pages import END, position
from hive_core.broker.rows import fitting, message
from hive_core.broker.sending import SQL
from hive_core.operators.audit import Actor, Audit
from hive_core.store import Database, from_ms, to_ms
from hive_rpc.errors import InvalidError, NotFoundError
from hive_rpc.interfaces.operator.messages import DeadLetter, DeadLettersReply

SENT_AGAIN = "It was given up before, and an operator has sent it again."


class DeadLetters:
    """`wake` is called with each agent that has something to receive again."""

    def __init__(self, database: Database, clock: Clock, wake: Callable[[str], None]) -> None:
        self._db = database
        self._clock = clock
        self._wake = wake

    async def page(self, agent: str | None = None, *, before: str | None = None, limit: int = 50) -> DeadLettersReply:
        """Newest first."""
        limit = max(1, min(limit, 200))
        return await self._db.read(lambda c: _page(c, agent, before, limit))

    async def resend(self, actor: Actor, ids: list[str] | None) -> int:
        """Deliver them again, with all attempts before them; None means all. Returns how many.

        Raises NotFoundError when one of the ids is no dead letter; then none is sent.
        """
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> list[str]:
            rows = _chosen(connection, ids)
            for row in rows:
                connection.execute(SQL.revive, {"seq": row["seq"], "reason": SENT_AGAIN})
                Audit.record(connection, from_ms(now), actor, "resend", row["id"])
            return [row["recipient"] for row in rows]

        recipients = await self._db.write(write)
        for agent in set(recipients):
            self._wake(agent)
        return len(recipients)

    async def drop(self, actor: Actor, ids: list[str] | None) -> int:
        """Settle them without delivery; None means all. Returns how many. Raises NotFoundError as `resend` does."""
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> int:
            rows = _chosen(connection, ids)
            for row in rows:
                connection.execute(SQL.settle, {"seq": row["seq"], "state": "done", "now": now})
                Audit.record(connection, from_ms(now), actor, "drop", row["id"])
            return len(rows)

        return await self._db.write(write)


def _chosen(connection: sqlite3.Connection, ids: list[str] | None) -> list[sqlite3.Row]:
    if ids is None:
        return connection.execute(SQL.all_dead).fetchall()
    if not ids:
        raise InvalidError("No dead letter is named.", hint="Name some, or say that you mean all of them.")
    rows = []
    for message_id in dict.fromkeys(ids):
        row = connection.execute(SQL.dead_by_id, {"id": message_id}).fetchone()
        if row is None:
            raise NotFoundError(f"{message_id} is not among the dead letters.", hint="`hive dead` lists them.")
        rows.append(row)
    return rows


def _page(connection: sqlite3.Connection, agent: str | None, before: str | None, limit: int) -> DeadLettersReply:
    start = position(connection, before) if before is not None else END
    parameters = {"agent": agent, "before": start, "limit": limit + 1}
    rows = connection.execute(SQL.dead if agent is None else SQL.dead_of_agent, parameters).fetchall()
    kept = fitting(rows[:limit])
    letters = [
        DeadLetter(message=message(row), reason=row["reason"], died_at=from_ms(row["settled_at"])) for row in kept
    ]
    return DeadLettersReply(letters=letters, more=len(kept) < len(rows))
