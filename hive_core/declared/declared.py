"""`/etc/hive/agents/<name>.toml`, an `agent.toml` each: agents that are part of the machine's configuration.

Whoever writes there is root on the machine and so an operator: what is declared needs no approval.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from hive_core.agents.config import parse
from hive_core.agents.names import checked_name
from hive_core.deploys.changes import Changes
from hive_core.jobs import Order
from hive_core.operators.audit import Actor
from hive_core.store import Database, Queries
from hive_rpc.configuration import JobKind
from hive_rpc.errors import HiveError, InvalidError

log = logging.getLogger(__name__)

SQL = Queries("hive_core.declared")
MACHINE = Actor("machine", "configuration")
_REASON = "Declared in the machine's configuration"


class Declared:
    """Each text is carried out once: the agent is spawned with it, or switched to it.

    What is decided about the agent afterwards stays, until another text is declared; so an agent that was destroyed
    does not come back by itself, and one that is declared no more lives on.
    """

    def __init__(self, directory: Path, database: Database, changes: Changes) -> None:
        self._directory = directory
        self._db = database
        self._changes = changes
        self.problems: dict[str, str] = {}
        """By agent: what of the declaration could not be carried out, and why. Tried again at core's next start."""

    async def run(self) -> None:
        """Carry out what is new. The queue of jobs has to run beside it."""
        declared = await asyncio.to_thread(_read, self._directory)
        rows = await self._db.read(lambda c: c.execute(SQL.all).fetchall())
        carried_out: dict[str, str] = {row["agent"]: row["config"] for row in rows}
        gone = [{"agent": name} for name in carried_out if name not in declared]
        await self._db.write(lambda c: c.executemany(SQL.clear, gone))
        async with asyncio.TaskGroup() as group:
            for name, content in declared.items():
                group.create_task(self._carry_out(name, content, carried_out.get(name)))

    async def _carry_out(self, name: str, content: bytes, done: str | None) -> None:
        try:
            text = _text(name, content)
            if text == done:
                return
            parse(text)
            if checked_name(name) not in self._changes.agents.live_names():
                await self._changes.jobs.do(Order(JobKind.SPAWN, name, MACHINE, details={"config": text}))
            elif self._changes.agents.get(name).config_text != text:
                asked = await self._changes.proposals.edit(MACHINE, name, text, None, _REASON)
                await self._changes.proposals.approve(MACHINE, asked.id, "")
            await self._db.write(lambda c: c.execute(SQL.set, {"agent": name, "config": text}))
        except HiveError as error:
            log.error("The declared agent %s: %s", name, error.sentence())
            self.problems[name] = error.sentence()


def _read(directory: Path) -> Mapping[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(directory.glob("*.toml"))}


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidError(f"{name}.toml is not UTF-8 at byte {error.start}.") from error
