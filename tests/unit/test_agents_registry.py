"""The registry: machine names are nobody else's, and a row says after a restart what it said before."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from hive_core.agents.config import AgentConfig
from hive_core.agents.models import Desired
from hive_core.agents.registry import Registry
from hive_core.containers.names import MAX_MACHINE, machine_names
from hive_core.store import Database
from hive_rpc.errors import ConflictError
from hive_rpc.types import AgentState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
def registry(database: Database) -> Registry:
    return Registry(database)


@pytest.mark.parametrize(("agent", "machine"), [("a", "h-a"), ("manager", "h-manager"), ("ninechars", "h-ninechars")])
def test_a_short_name_is_the_machines_name_too(agent: str, machine: str) -> None:
    assert next(machine_names(agent)) == machine


def test_a_long_name_is_shortened_always_in_the_same_way() -> None:
    names = list(islice(machine_names("researcher-of-things"), 20))
    assert names == list(islice(machine_names("researcher-of-things"), 20))
    assert all(len(name) <= MAX_MACHINE and name.startswith("h-") for name in names)
    assert len(set(names)) == len(names)


async def test_two_agents_whose_machine_names_would_be_the_same_get_different_ones(registry: Registry) -> None:
    shortened = next(machine_names("researcher-of-things"))
    squatter = await registry.add(shortened.removeprefix("h-"), "", NOW)
    assert squatter.machine == shortened
    agent = await registry.add("researcher-of-things", "", NOW)
    assert agent.machine != shortened


async def test_a_name_is_there_once(registry: Registry) -> None:
    await registry.add("worker", "", NOW)
    with pytest.raises(ConflictError, match="worker"):
        await registry.add("worker", "", NOW)


async def test_a_row_keeps_the_configuration_as_it_was_written(registry: Registry) -> None:
    text = '# mine\nmodel = "opus"\n'
    added = await registry.add("worker", text, NOW)
    (found,) = await registry.all()
    assert found == added
    assert (found.config_text, found.config.model, found.desired) == (text, "opus", Desired.RUNNING)


async def test_state_and_wish_are_there_after_a_restart(registry: Registry, database: Database) -> None:
    agent = await registry.add("worker", "", NOW)
    parked = replace(agent, state=AgentState.PARKED, reason="a limit", until=NOW, instance="one")
    registry.post_state(parked)
    await registry.set_desired("worker", Desired.STOPPED)
    await database.close()
    await database.open()
    assert await Registry(database).all() == [replace(parked, desired=Desired.STOPPED)]


async def test_a_configuration_that_another_version_wrote_keeps_nobody_from_starting(
    registry: Registry, database: Database
) -> None:
    await registry.add("worker", "", NOW)
    await database.write(lambda c: c.execute("UPDATE agents SET config = 'from_the_future = 1'"))
    (found,) = await registry.all()
    assert (found.config, found.config_text) == (AgentConfig(), "from_the_future = 1")
