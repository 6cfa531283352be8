"""Core's counters, in a registry of its own, and the text in which Prometheus reads them."""

import sqlite3
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.registry import Collector

from hive_base.clock import Clock
from hive_core.events.quota import Dropped
from hive_core.retention.retention import Swept
from hive_core.store import Database, Queries, to_ms
from hive_rpc.types import Message

SQL = Queries("hive_core", "metrics.sql")


class Metrics:
    """What happens is counted as it happens; what is there is read from the tables when somebody asks."""

    def __init__(self, core: Database, databases: Mapping[str, Database], clock: Clock) -> None:
        self._core = core
        self._databases = databases
        self._clock = clock
        registry = self._registry = CollectorRegistry()
        self._sent = Counter("hive_messages_sent", "Messages stored, one for each recipient.", registry=registry)
        self._swept = Counter("hive_swept_rows", "Rows deleted by retention.", ["what"], registry=registry)
        self._hold = Gauge(
            "hive_sweep_longest_hold_seconds", "The longest batch of the last sweep.", ["what"], registry=registry
        )
        self._events = Counter(
            "hive_events_dropped", "Events of agents that were not kept.", ["why"], registry=registry
        )
        self._fired = Counter("hive_reminders", "Attempts to deliver a reminder.", ["outcome"], registry=registry)
        self._deliveries = Gauge("hive_messages", "Messages that are not settled.", ["state"], registry=registry)
        self._oldest = Gauge(
            "hive_oldest_waiting_seconds", "Age of the oldest message that waits to be handed out.", registry=registry
        )
        self._questions = Gauge("hive_questions_open", "Open questions.", ["to"], registry=registry)
        self._reminders = Gauge("hive_reminders_pending", "Pending reminders.", registry=registry)
        self._commits = Gauge(
            "hive_database_commits", "Transactions since core started.", ["database"], registry=registry
        )
        self._writes = Gauge(
            "hive_database_writes", "Writes that these transactions carried.", ["database"], registry=registry
        )

    def include(self, collector: Collector) -> None:
        """Another part's figures, read when somebody asks."""
        self._registry.register(collector)

    def sent(self, message: Message) -> None:
        self._sent.inc()

    def swept(self, swept: Swept) -> None:
        self._swept.labels(swept.what).inc(swept.rows)
        self._hold.labels(swept.what).set(swept.longest_hold)

    def dropped(self, why: Dropped, count: int) -> None:
        self._events.labels(why).inc(count)

    def reminded(self, delivered: int, failed: int) -> None:
        self._fired.labels("delivered").inc(delivered)
        self._fired.labels("failed").inc(failed)

    async def text(self) -> str:
        """Everything in Prometheus' text format."""
        now = to_ms(self._clock.now())
        await self._core.read(lambda c: self._read(c, now))
        for name, database in self._databases.items():
            self._commits.labels(name).set(database.commits)
            self._writes.labels(name).set(database.writes)
        return generate_latest(self._registry).decode()

    def _read(self, connection: sqlite3.Connection, now_ms: int) -> None:
        for query, state in ((SQL.ready, "ready"), (SQL.leased, "leased"), (SQL.dead, "dead")):
            self._deliveries.labels(state).set(connection.execute(query).fetchone()[0])
        oldest = connection.execute(SQL.oldest_ready).fetchone()
        self._oldest.set((now_ms - oldest[0]) / 1000 if oldest is not None else 0)
        self._questions.labels("operator").set(connection.execute(SQL.questions_to_operator).fetchone()[0])
        self._questions.labels("agents").set(connection.execute(SQL.questions_to_agents).fetchone()[0])
        self._reminders.set(connection.execute(SQL.reminders).fetchone()[0])
