"""The whole harness with a played core and a played runner: how it begins and how it ends."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hive_agent.harness import daemon as daemons
from hive_agent.harness.daemon import Daemon, main
from hive_agent.harness.surroundings import Home, Surroundings
from hive_base.clock import SystemClock
from hive_rpc.errors import InstanceReplacedError
from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.types import AgentState, TurnOutcome
from tests.support.agent_core import FakeAgentCore

FAKE = Path(__file__).parents[1] / "support" / "fake_runner.py"


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    home = Home("worker", *(tmp_path / name for name in ("state", "harness", "claude", "shared")))
    for directory in (home.state, home.harness, home.claude, home.shared):
        directory.mkdir()
    return Surroundings(
        core_socket=tmp_path / "core.sock",
        gateway_socket=tmp_path / "gateway.sock",
        runner_socket=tmp_path / "runner.sock",
        home=lambda name: home,
        forward_port=0,
        runner_command=(sys.executable, str(FAKE)),
    )


@pytest.fixture
async def core(surroundings: Surroundings) -> AsyncIterator[FakeAgentCore]:
    async with FakeAgentCore(surroundings.core_socket) as core:
        yield core


@asynccontextmanager
async def harness(surroundings: Surroundings) -> AsyncIterator[Daemon]:
    daemon = Daemon(surroundings, SystemClock())
    running = asyncio.create_task(daemon.run())
    try:
        yield daemon
    finally:
        daemon.stop.set()
        await running


async def test_it_serves_and_says_so(core: FakeAgentCore, surroundings: Surroundings) -> None:
    async with harness(surroundings):
        message = core.deliver("say hello")
        await core.until(lambda: core.acked == [message.id])
    assert [sent.body for sent in core.sent] == ["hello"]
    assert core.state is AgentState.STOPPED


async def test_systemd_is_told_ready_when_core_has_answered_and_not_before(
    surroundings: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify.sock"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify.sock"))
        core = FakeAgentCore(surroundings.core_socket)
        async with harness(surroundings):
            with pytest.raises(BlockingIOError):
                manager.recv(1000)
            await core.start()
            first = await asyncio.get_running_loop().sock_recv(manager, 1000)
            assert first == b"READY=1\nSTATUS=serving worker"
            await core.until(lambda: core.state is AgentState.IDLE)
        await core.stop()


async def test_a_harness_that_is_stopped_in_a_turn_after_a_drain_gives_the_message_back(
    core: FakeAgentCore, surroundings: Surroundings
) -> None:
    core.redeliver = False
    async with harness(surroundings) as daemon:
        message = core.deliver("deaf")
        await core.until(lambda: any(event.text == "begun" for event in core.events))
        core.command(CommandKind.DRAIN)
        while not daemon.draining:
            await asyncio.sleep(0)
    reasons = [(nack.ids, nack.reason) for nack in core.nacked]
    assert reasons == [([message.id], "the harness was stopped in this turn")]
    assert [turn.outcome for turn in core.turns()] == [TurnOutcome.INTERRUPTED]
    assert core.state is AgentState.STOPPED


async def test_it_ends_though_core_is_away(
    surroundings: Surroundings, core: FakeAgentCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "FAREWELL_SECONDS", 0.1)
    async with harness(surroundings) as daemon:
        await core.until(lambda: core.state is AgentState.IDLE)
        await core.stop()
        daemon.stop.set()


async def test_every_start_is_another_instance(core: FakeAgentCore, surroundings: Surroundings) -> None:
    for _ in range(2):
        async with harness(surroundings):
            count = len(core.states)
            await core.until(lambda count=count: len(core.states) > count)
    assert len(set(core.instances)) == 2


async def test_a_harness_that_was_replaced_ends_for_the_newer_one(
    core: FakeAgentCore, surroundings: Surroundings
) -> None:
    running = asyncio.create_task(main(surroundings, SystemClock()))
    await core.until(lambda: core.state is AgentState.IDLE)
    core.refuse["receive"] = InstanceReplacedError()
    await core.stop()
    await core.start()
    assert await running == 1


async def test_two_harnesses_cannot_hold_one_conversation(core: FakeAgentCore, surroundings: Surroundings) -> None:
    async with harness(surroundings):
        await core.until(lambda: core.state is AgentState.IDLE)
        assert await main(surroundings, SystemClock()) == 1
