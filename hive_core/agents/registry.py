"""The registry: one row for each agent, in core's database."""

import logging
import sqlite3
from datetime import datetime
from functools import partial
from pathlib import Path

from hive_core.agents.config import AgentConfig, parse
from hive_core.agents.models import Agent, Desired
from hive_core.containers.names import machine_names
from hive_core.store import Database, Queries, from_ms, to_ms
from hive_rpc.configuration import Tombstone
from hive_rpc.errors import ConflictError, HiveError, NotFoundError
from hive_rpc.types import AgentState

log = logging.getLogger(__name__)

_SQL = Queries("hive_core.agents")


class Registry:
    """Reads and writes rows; what they mean is `Agents`' business."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Agent]:
        return await self._database.read(_all)

    async def add(
        self, name: str, config_text: str, now: datetime, *, sha: str | None = None, system: Path | None = None
    ) -> Agent:
        """A new agent that shall run, with a machine name that no other has. Raises ConflictError if there is one."""
        return await self._database.write(
            partial(_add, name=name, config_text=config_text, sha=sha, system=system, now=now)
        )

    async def set_desired(self, name: str, desired: Desired) -> None:
        await self._database.write(lambda c: c.execute(_SQL.set_desired, {"name": name, "desired": desired.value}))

    async def set_config(self, name: str, config_text: str, sha: str | None, system: Path | None) -> None:
        row = {"name": name, "config": config_text, "sha": sha, "system": _text(system)}
        await self._database.write(lambda c: c.execute(_SQL.set_config, row).rowcount)

    async def bury(self, name: str, by: str, now: datetime) -> None:
        """Delete the row, and keep of it what brings the agent back."""
        row = {"name": name, "by": by, "now": to_ms(now)}

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL.bury, row)
            connection.execute(_SQL.delete, row)

        await self._database.write(write)

    async def tombstones(self) -> list[Tombstone]:
        return await self._database.read(lambda c: [_tombstone(row) for row in c.execute(_SQL.tombstones)])

    async def heard_of(self, name: str) -> bool:
        """Whether there was an agent of that name once, as far as is still known."""
        return await self._database.read(lambda c: c.execute(_SQL.heard_of, {"name": name}).fetchone() is not None)

    async def buried_config(self, name: str) -> tuple[str, str | None]:
        """What a destroyed agent ran with: its `agent.toml` and the commit. Raises NotFoundError."""
        row = await self._database.read(lambda c: c.execute(_SQL.tombstone, {"name": name}).fetchone())
        if row is None:
            raise NotFoundError(
                f"There is no destroyed agent {name} that could be revived.",
                hint="Those whose files were purged are gone for good; `hive spawn` makes a new one.",
            )
        return row["config"], row["sha"]

    async def forget(self, name: str) -> None:
        """It is back, or its files are gone."""
        await self._database.write(lambda c: c.execute(_SQL.forget, {"name": name}).rowcount)

    async def delete(self, name: str) -> None:
        await self._database.write(lambda c: c.execute(_SQL.delete, {"name": name}))

    def post_state(self, agent: Agent) -> None:
        """Write what the agent is doing, without waiting: after a crash the harness says it again."""
        row = {
            "name": agent.name,
            "state": agent.state.value,
            "since": to_ms(agent.since),
            "reason": agent.reason,
            "until": None if agent.until is None else to_ms(agent.until),
            "instance": agent.instance,
        }
        self._database.post(lambda c: c.execute(_SQL.set_state, row).rowcount, lambda _: None)


def _all(connection: sqlite3.Connection) -> list[Agent]:
    return [_agent(row) for row in connection.execute(_SQL.all)]


def _add(
    connection: sqlite3.Connection,
    *,
    name: str,
    config_text: str,
    sha: str | None,
    system: Path | None,
    now: datetime,
) -> Agent:
    if connection.execute(_SQL.known, {"name": name}).fetchone():
        raise ConflictError(f"There is an agent {name} already.", hint="Choose another name, or destroy it first.")
    machine = next(m for m in machine_names(name) if not _taken(connection, m))
    row = {
        "name": name,
        "machine": machine,
        "config": config_text,
        "sha": sha,
        "system": _text(system),
        "desired": Desired.RUNNING.value,
        "state": AgentState.STARTING.value,
        "now": to_ms(now),
    }
    connection.execute(_SQL.insert, row)
    return Agent(
        name=name,
        machine=machine,
        config_text=config_text,
        config=parse(config_text),
        desired=Desired.RUNNING,
        created_at=now,
        state=AgentState.STARTING,
        since=now,
        sha=sha,
        system=system,
    )


def _taken(connection: sqlite3.Connection, machine: str) -> bool:
    return connection.execute(_SQL.machine_taken, {"machine": machine}).fetchone() is not None


def _agent(row: sqlite3.Row) -> Agent:
    return Agent(
        name=row["name"],
        machine=row["machine"],
        config_text=row["config"],
        config=_config(row["name"], row["config"]),
        desired=Desired(row["desired"]),
        created_at=from_ms(row["created_at"]),
        state=AgentState(row["state"]),
        since=from_ms(row["since"]),
        reason=row["reason"],
        until=None if row["until"] is None else from_ms(row["until"]),
        instance=row["instance"],
        sha=row["sha"],
        system=None if row["system"] is None else Path(row["system"]),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _tombstone(row: sqlite3.Row) -> Tombstone:
    return Tombstone(
        agent=row["name"],
        destroyed_at=from_ms(row["destroyed_at"]),
        destroyed_by=row["destroyed_by"],
        sha=row["sha"],
    )


def _config(name: str, text: str) -> AgentConfig:
    """It was good when it was written; another version of the hive may see that differently, and has to run."""
    try:
        return parse(text)
    except HiveError as error:
        log.error("%s runs with the default configuration: %s", name, error.sentence())
        return AgentConfig()
