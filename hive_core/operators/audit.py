"""The audit log: who changed what. A row is written in the transaction of the change: neither is without the other."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from hive_core.store import Database, Queries, from_ms, to_ms
from hive_rpc.interfaces.operator.people import AuditReply, AuditRow
from hive_rpc.types import Object, Role

SQL = Queries("hive_core.operators")
_END = 2**63 - 1


@dataclass(frozen=True)
class Actor:
    """Who acts, and over which socket: `operator.sock`, `web.sock`, an agent's `core.sock`, or `core` itself."""

    name: str
    via: str
    role: Role = Role.ADMIN
    session: str = ""
    """The id of the dashboard's session; empty on every other socket."""
    address: str = ""
    """Where the browser was when it signed in."""


CORE = Actor("hive", "core")


class Audit:
    """Reads the log; `record` writes to it from inside a write function."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @staticmethod
    def record(
        connection: sqlite3.Connection,
        at: datetime,
        actor: Actor,
        action: str,
        target: str,
        *,
        outcome: str = "done",
        details: Object | None = None,
    ) -> None:
        """Write a row in the transaction that `connection` is in."""
        where = {"address": actor.address} if actor.address else {}
        connection.execute(
            SQL.record,
            {
                "at": to_ms(at),
                "who": actor.name,
                "via": actor.via,
                "action": action,
                "target": target,
                "outcome": outcome,
                "details": json.dumps(where | (details or {})),
            },
        )

    async def note(
        self, at: datetime, actor: Actor, action: str, target: str, *, outcome: str, details: Object | None = None
    ) -> None:
        """Write a row of its own, for what no transaction of ours covers."""
        await self._db.write(lambda c: self.record(c, at, actor, action, target, outcome=outcome, details=details))

    async def page(self, *, before: int | None = None, limit: int = 100) -> AuditReply:
        """Rows older than `before`, newest first; 500 at most."""
        parameters = {"before": before if before is not None else _END, "limit": max(1, min(limit, 500))}
        return await self._db.read(
            lambda c: AuditReply(rows=[_row(row) for row in c.execute(SQL.audit_page, parameters)])
        )


def _row(row: sqlite3.Row) -> AuditRow:
    return AuditRow(
        id=row["id"],
        at=from_ms(row["at"]),
        who=row["who"],
        via=row["via"],
        action=row["action"],
        target=row["target"],
        outcome=row["outcome"],
        details=json.loads(row["details"]),
    )
