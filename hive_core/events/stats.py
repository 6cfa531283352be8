"""How turns went: counted from the table of turns when somebody asks."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from hive_base.clock import Clock
from hive_core.store import Database, Queries, from_ms, to_ms
from hive_rpc.interfaces.operator.events import AgentToday, TodayReply, TurnStats, TurnStatsReply, TurnStatsRequest
from hive_rpc.types import Usage

SQL = Queries("hive_core.events", "stats.sql")
MAX_SPAN = timedelta(days=90)
MAX_TURNS = 50_000
MAX_REASONS = 20
"""Of waking, the most frequent ones: an agent says them in its own words."""
_REASON = 100
"""Characters of one."""


class Stats:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def turns(self, request: TurnStatsRequest) -> TurnStatsReply:
        """The last so many seconds, in all and in equal parts."""
        now = self._clock.now()
        since = now - min(timedelta(seconds=request.since_seconds), MAX_SPAN)
        parameters = {"since": to_ms(since), "agent": request.agent, "limit": MAX_TURNS}

        def read(connection: sqlite3.Connection) -> TurnStatsReply:
            rows = connection.execute(SQL.turns, parameters).fetchall()
            tools = {row["tool"]: int(row["calls"]) for row in connection.execute(SQL.tools, parameters)}
            total = _stats(since, rows).model_copy(update={"tools": tools})
            return TurnStatsReply(total=total, buckets=_buckets(rows, since, now, request.buckets))

        return await self._db.read(read)

    async def today(self, agents: Sequence[str]) -> TodayReply:
        """These agents since midnight (UTC)."""
        midnight = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)

        return TodayReply(agents=await self._db.read(lambda c: today_of(c, sorted(agents), midnight)))


def today_of(connection: sqlite3.Connection, agents: Sequence[str], midnight: datetime) -> list[AgentToday]:
    """These agents since then, in their order."""
    return [_today(connection, agent, midnight) for agent in agents]


def _today(connection: sqlite3.Connection, agent: str, midnight: datetime) -> AgentToday:
    spent = connection.execute(SQL.today, {"agent": agent, "since": to_ms(midnight)}).fetchone()
    context = connection.execute(SQL.context, {"agent": agent}).fetchone()
    return AgentToday(
        agent=agent,
        turns=spent["turns"],
        cost_usd=spent["cost"],
        context_tokens=context["tokens"] if context is not None else None,
    )


def _buckets(rows: Sequence[sqlite3.Row], since: datetime, now: datetime, count: int) -> list[TurnStats]:
    size = (now - since) / count
    parts: list[list[sqlite3.Row]] = [[] for _ in range(count)]
    for row in rows:
        at = int((from_ms(row["started_at"]) - since) / size) if size else 0
        parts[max(0, min(at, count - 1))].append(row)
    return [_stats(since + size * at, part) for at, part in enumerate(parts)]


def _stats(since: datetime, rows: Sequence[sqlite3.Row]) -> TurnStats:
    durations = sorted(row["duration"] for row in rows if row["duration"] is not None)
    return TurnStats(
        since=since,
        turns=len(rows),
        running=sum(row["ended_at"] is None for row in rows),
        usage=Usage(**{kind: sum(row[kind] or 0 for row in rows) for kind in Usage.model_fields}),
        cost_usd=sum(row["cost"] or 0 for row in rows),
        p50_seconds=_percentile(durations, 0.5),
        p95_seconds=_percentile(durations, 0.95),
        outcomes=dict(Counter(row["outcome"] for row in rows if row["outcome"] is not None)),
        wake_reasons=dict(
            Counter((row["wake_reason"] or "message")[:_REASON] for row in rows).most_common(MAX_REASONS)
        ),
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that this share of all is not above (nearest rank)."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
