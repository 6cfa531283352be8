"""Agents that the machine's configuration declares."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.declared import Declared
from hive_core.doctor.checks import declarations_are_carried_out
from hive_core.jobs import Order
from hive_core.operators.audit import Audit
from hive_rpc.configuration import JobKind
from tests.support.changing import ADA, Changing, core
from tests.support.fake_systemd import fake_systemd

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners")


@pytest.fixture
async def hive(tmp_path: Path) -> AsyncIterator[Changing]:
    (tmp_path / "agents").mkdir()
    async with fake_systemd(tmp_path) as (bus, systemd), core(tmp_path, bus, systemd) as changing:
        yield changing


async def declare(hive: Changing, **texts: str | bytes) -> Declared:
    """These agents and no others, as core sees them at its next start; all of it is done when it returns."""
    directory = hive.lives.state.root.parent / "agents"
    for old in directory.iterdir():
        old.unlink()
    for name, text in texts.items():
        (directory / f"{name}.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    declared = Declared(directory, hive.lives.database, hive.changes)
    await declared.run()
    for job in await hive.changes.jobs.page(None, 200):
        await hive.changes.jobs.wait(job.id)
    return declared


def model(hive: Changing, name: str) -> str | None:
    return hive.lives.agents.get(name).config.model


async def test_what_is_declared_is_made_and_what_is_declared_otherwise_is_changed(hive: Changing) -> None:
    await declare(hive, worker='model = "sonnet"\n', scout="")
    assert hive.lives.agents.live_names() == {"worker", "scout"}
    assert model(hive, "worker") == "sonnet"
    await declare(hive, worker='model = "opus"\n', scout="")
    assert model(hive, "worker") == "opus"
    assert await hive.tags("worker") >= {"approved", "deployed"}
    log = await Audit(hive.lives.database).page()
    assert {(row.who, row.via) for row in log.rows if row.target == "worker"} == {("machine", "configuration")}


async def test_what_was_decided_since_stays_until_something_else_is_declared(hive: Changing) -> None:
    await declare(hive, worker='model = "sonnet"\n', scout="")
    asked = await hive.changes.proposals.edit(ADA, "worker", 'model = "opus"\n', None, "")
    await hive.approved(asked)
    await hive.changes.jobs.do(Order(JobKind.DESTROY, "scout", ADA))
    await declare(hive, worker='model = "sonnet"\n', scout="")
    assert model(hive, "worker") == "opus"
    assert hive.lives.agents.live_names() == {"worker"}
    await declare(hive, worker='model = "haiku"\n', scout="# again\n")
    assert model(hive, "worker") == "haiku"
    assert hive.lives.agents.live_names() == {"worker", "scout"}


async def test_one_that_is_declared_no_more_lives_on_and_can_be_declared_again(hive: Changing) -> None:
    await declare(hive, worker='model = "sonnet"\n')
    await declare(hive)
    assert hive.lives.agents.live_names() == {"worker"}
    asked = await hive.changes.proposals.edit(ADA, "worker", 'model = "opus"\n', None, "")
    await hive.approved(asked)
    await declare(hive, worker='model = "sonnet"\n')
    assert model(hive, "worker") == "sonnet"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("worker", "modle = 1\n", "modle is not a key that hive knows"),
        ("worker", b"\xff", "not UTF-8"),
        ("Worker_1", "", "cannot be an agent's name"),
    ],
)
async def test_what_cannot_be_carried_out_is_said_and_keeps_nothing_else_back(
    hive: Changing, name: str, text: str | bytes, said: str
) -> None:
    declared = await declare(hive, **{name: text, "scout": ""})
    assert hive.lives.agents.live_names() == {"scout"}
    (check,) = await declarations_are_carried_out(declared)()
    assert (check.ok, said in check.detail) == (False, True)
    assert await declarations_are_carried_out(await declare(hive, scout=""))() == []


async def test_a_spawn_that_failed_is_tried_again_at_the_next_start(hive: Changing) -> None:
    unit = "container@h-worker.service"
    hive.lives.systemd.failing.add(unit)
    assert "worker" in (await declare(hive, worker="")).problems
    hive.lives.systemd.failing.clear()
    assert (await declare(hive, worker="")).problems == {}
    assert hive.lives.agents.live_names() == {"worker"}
