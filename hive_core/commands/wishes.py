"""What an operator wants of an agent beside its `agent.toml`, until it is wanted otherwise."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from hive_core.store import Queries, from_ms, to_ms
from hive_rpc.commands import Effort
from hive_rpc.interfaces.agent import Settings

SQL = Queries("hive_core.commands")


@dataclass(frozen=True)
class Wishes:
    at: datetime
    model: str | None = None
    effort: Effort | None = None
    paused: bool = False

    def applied_to(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"model": self.model or settings.model, "effort": self.effort, "paused": self.paused}
        )


def load(connection: sqlite3.Connection) -> dict[str, Wishes]:
    """By agent."""
    return {
        row["agent"]: Wishes(
            at=from_ms(row["at"]),
            model=row["model"],
            effort=Effort(row["effort"]) if row["effort"] else None,
            paused=bool(row["paused"]),
        )
        for row in connection.execute(SQL.wishes)
    }


def save(connection: sqlite3.Connection, agent: str, wishes: Wishes) -> None:
    row = {"model": wishes.model, "effort": wishes.effort, "paused": wishes.paused, "at": to_ms(wishes.at)}
    connection.execute(SQL.wish, {"agent": agent, **row})
