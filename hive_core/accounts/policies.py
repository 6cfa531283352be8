"""What operators have decided about accounts, caps and the big switch: in core's database, each with its audit row."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_core.operators.audit import Actor, Audit
from hive_core.store import Database, Queries, from_ms, to_ms
from hive_rpc.accounts import Caps, Raise, Scope, ScopedCaps
from hive_rpc.types import Object

_SQL = Queries("hive_core.accounts")


@dataclass(frozen=True)
class Decided:
    """All of it, as it is now."""

    uses: Mapping[str, str] = field(default_factory=dict)
    """Agents whose account is another than their configuration says."""
    caps: tuple[ScopedCaps, ...] = ()
    raises: tuple[Raise, ...] = ()
    stopped: str | None = None


class Policies:
    """`now` is what was decided; `changed` is called after each decision."""

    def __init__(self, database: Database, clock: Clock, changed: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed
        self.now = Decided()
        self.version = 0
        """Another one after each decision."""

    async def load(self) -> None:
        await self._read()

    async def use(self, actor: Actor, agent: str, account: str | None) -> None:
        """Have an agent use an account, or what its configuration says."""
        query = _SQL.use if account is not None else _SQL.use_none
        details: Object = {"account": account} if account is not None else {}
        await self._decide(
            actor, "use-account", agent, details, lambda c: c.execute(query, {"agent": agent, "account": account})
        )

    async def set_caps(self, actor: Actor, scope: Scope, name: str, caps: Caps) -> None:
        """Caps of the hive or of an account; none at all takes the entry away."""
        said = caps.model_dump(exclude_none=True)
        row = {"scope": scope.value, "name": name, "caps": caps.model_dump_json(exclude_none=True)}
        query = _SQL.set_caps if said else _SQL.drop_caps
        await self._decide(actor, "set-caps", name or scope.value, said, lambda c: c.execute(query, row))

    async def raise_cap(self, actor: Actor, scope: Scope, name: str, *, usd: float, tokens: int) -> None:
        """Until the end of the day, in UTC as the gateway counts."""
        now = self._clock.now()
        until = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        row = {"scope": scope.value, "name": name, "until": to_ms(until), "usd": usd, "tokens": tokens}

        def add(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL.drop_old_raises, {"now": to_ms(now)})
            connection.execute(_SQL.add_raise, row)

        await self._decide(actor, "raise-cap", name or scope.value, {"usd": usd, "tokens": tokens}, add)

    async def stop(self, actor: Actor, reason: str) -> None:
        now = self._clock.now()
        words = f"{actor.name} at {now:%Y-%m-%d %H:%M} UTC" + (f", {reason}" if reason else "")
        await self._decide(
            actor,
            "stop-all",
            "hive",
            {"reason": reason} if reason else {},
            lambda c: c.execute(_SQL.stop, {"now": to_ms(now), "words": words}),
        )

    async def resume(self, actor: Actor) -> None:
        await self._decide(actor, "resume-all", "hive", {}, lambda c: c.execute(_SQL.resume))

    async def _decide(
        self,
        actor: Actor,
        action: str,
        target: str,
        details: Object,
        work: Callable[[sqlite3.Connection], object],
    ) -> None:
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            work(connection)
            Audit.record(connection, now, actor, action, target, details=details)

        await self._database.write(write)
        await self._read()
        self._changed()

    async def _read(self) -> None:
        now = self._clock.now()
        self.now = await self._database.read(lambda c: _decided(c, now))
        self.version += 1


def _decided(connection: sqlite3.Connection, now: datetime) -> Decided:
    stopped = connection.execute(_SQL.stopped).fetchone()
    return Decided(
        uses={row["agent"]: row["account"] for row in connection.execute(_SQL.uses)},
        caps=tuple(
            ScopedCaps(scope=Scope(row["scope"]), name=row["name"], caps=Caps.model_validate_json(row["caps"]))
            for row in connection.execute(_SQL.all_caps)
        ),
        raises=tuple(
            Raise(
                scope=Scope(row["scope"]),
                name=row["name"],
                until=from_ms(row["until"]),
                usd=row["usd"],
                tokens=row["tokens"],
            )
            for row in connection.execute(_SQL.raises, {"now": to_ms(now)})
        ),
        stopped=None if stopped is None else stopped["words"],
    )
