"""The line to an agent: hello, drain, commands, and what happens when connections go."""

import asyncio
from pathlib import Path

import pytest

from hive_base.paths import RunPaths
from hive_core.api.links import Links
from hive_rpc.interfaces.agent import Command, CommandKind
from hive_rpc.types import AgentState


@pytest.fixture
async def links(tmp_path: Path):  # type: ignore[no-untyped-def]
    run = RunPaths(tmp_path)
    run.core_directory("ann").mkdir(parents=True)
    made = Links(run)
    await made.listen("ann")
    yield made
    await made.close()


async def test_listening_twice_is_one_socket_and_unlistening_removes_it(links: Links, tmp_path: Path) -> None:
    await links.listen("ann")
    assert RunPaths(tmp_path).core_socket("ann").is_socket()
    assert RunPaths(tmp_path).core_socket("ann").stat().st_mode & 0o777 == 0o600
    await links.unlisten("ann")
    await links.unlisten("ann")
    assert not RunPaths(tmp_path).core_socket("ann").exists()


async def test_a_harness_has_left_when_its_last_connection_has(links: Links) -> None:
    links.greeted("ann", "i1")
    links.greeted("ann", "i1")
    assert not links.parted("ann", "i1")
    assert links.connected("ann")
    assert links.parted("ann", "i1")
    assert not links.connected("ann")


async def test_an_older_instance_leaving_is_not_the_newer_one_leaving(links: Links) -> None:
    links.greeted("ann", "old")
    links.greeted("ann", "new")
    assert links.parted("ann", "old")
    assert links.connected("ann")


async def test_a_drain_ends_when_the_harness_says_that_it_has_stopped(links: Links) -> None:
    links.greeted("ann", "i1")
    commands = links.commands("ann")
    told = asyncio.ensure_future(anext(commands))
    await asyncio.sleep(0)
    drain = asyncio.ensure_future(links.drain("ann"))
    assert (await told).kind is CommandKind.DRAIN
    links.reported("ann", AgentState.THINKING)
    await asyncio.sleep(0)
    assert not drain.done()
    links.reported("ann", AgentState.STOPPED)
    await drain
    await commands.aclose()  # type: ignore[attr-defined]


async def test_a_drain_ends_when_the_harness_goes(links: Links) -> None:
    links.greeted("ann", "i1")
    commands = links.commands("ann")
    told = asyncio.ensure_future(anext(commands))
    await asyncio.sleep(0)
    drain = asyncio.ensure_future(links.drain("ann"))
    await told
    links.parted("ann", "i1")
    await drain
    await commands.aclose()  # type: ignore[attr-defined]


async def test_a_drain_without_a_harness_returns_at_once(links: Links) -> None:
    await links.drain("ann")
    await links.drain("nobody")


async def test_a_command_that_nobody_hears_is_said_to_be_unheard(links: Links) -> None:
    assert not links.command("ann", Command(kind=CommandKind.CANCEL))
