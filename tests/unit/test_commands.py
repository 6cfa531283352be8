"""Commands to an agent's harness: queued once, seen while they wait, refused where they make no sense."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hive_core.agents.agents import Agents
from hive_core.agents.config import parse
from hive_core.agents.models import Agent, Desired
from hive_core.broker import Broker, Policy
from hive_core.commands import Commands
from hive_core.operators import Actor, Audit
from hive_core.store import Database
from hive_rpc.commands import AgentCommandKind, AgentCommandState, Effort
from hive_rpc.errors import ConflictError, InvalidError
from hive_rpc.interfaces.agent import Command, CommandKind
from hive_rpc.types import OPERATOR, AgentState, ContainerState
from tests.support.manual_clock import ManualClock

ADA = Actor("ada", "web.sock")
HARNESS = (AgentCommandKind.CANCEL, AgentCommandKind.COMPACT, AgentCommandKind.NEW_SESSION, AgentCommandKind.WAKE)


class Hive:
    """One agent, and what its harness was sent."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        self.agent = Agent(
            name="worker",
            machine="h-worker",
            config_text="",
            config=parse('models = ["opus", "sonnet*"]'),
            desired=Desired.RUNNING,
            created_at=clock.now(),
            state=AgentState.THINKING,
            since=clock.now(),
            container=ContainerState.RUNNING,
        )
        self.sent: list[Command] = []
        self.commands = self.another_core()

    def another_core(self) -> Commands:
        agents = cast(Agents, SimpleNamespace(get=lambda name: self.agent, all=lambda: [self.agent]))
        return Commands(
            self.database,
            self.clock,
            agents,
            command=lambda name, command: self.sent.append(command),
            tell=lambda name, event: None,
        )

    def now(self, **fields: Any) -> None:
        self.agent = replace(self.agent, **fields)


@pytest.fixture
async def hive(tmp_path: Path) -> AsyncIterator[Hive]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield Hive(database, ManualClock())


@pytest.mark.parametrize("kind", HARNESS)
async def test_a_command_is_queued_once_and_seen_until_the_harness_has_done_it(
    hive: Hive, kind: AgentCommandKind
) -> None:
    if kind is AgentCommandKind.WAKE:
        hive.now(state=AgentState.PARKED)
    first = await hive.commands.ask(ADA, "worker", kind, None)
    assert await hive.commands.ask(ADA, "worker", kind, None) == first
    assert [command.kind for command in hive.sent] == [CommandKind(kind.value)]
    assert hive.commands.queued(hive.agent) == [first]
    await hive.commands.ended("worker", first.id, None)
    await hive.commands.ended("worker", first.id, "too late to refuse")
    assert hive.commands.queued(hive.agent) == []
    (ended,) = await hive.commands.latest("worker", 10)
    assert (ended.state, ended.reason, ended.asked_by) == (AgentCommandState.DONE, None, "ada")


async def test_what_the_harness_refuses_is_kept_with_its_reason(hive: Hive) -> None:
    asked = await hive.commands.ask(ADA, "worker", AgentCommandKind.COMPACT, None)
    await hive.commands.ended("worker", asked.id, "nothing was said yet")
    (ended,) = await hive.commands.latest("worker", 10)
    assert (ended.state, ended.reason) == (AgentCommandState.REFUSED, "nothing was said yet")


async def test_what_is_queued_outlives_core_and_goes_to_a_harness_that_comes_back(hive: Hive) -> None:
    asked = await hive.commands.ask(ADA, "worker", AgentCommandKind.COMPACT, None)
    await hive.commands.ask(ADA, "worker", AgentCommandKind.PAUSE, None)
    again = hive.another_core()
    await again.load()
    assert [command.id for command in again.for_harness("worker")] == [asked.id]
    assert again.settings(hive.agent).paused


async def test_model_effort_and_pause_hold_until_they_are_taken_back(hive: Hive) -> None:
    told: list[str] = []
    hive.commands.changed = lambda: told.append("changed")
    await hive.commands.ask(ADA, "worker", AgentCommandKind.MODEL, "sonnet[1m]")
    await hive.commands.ask(ADA, "worker", AgentCommandKind.EFFORT, "high")
    done = await hive.commands.ask(ADA, "worker", AgentCommandKind.PAUSE, None)
    assert done.state is AgentCommandState.DONE
    settings = hive.commands.settings(hive.agent)
    assert (settings.model, settings.effort, settings.paused) == ("sonnet[1m]", Effort.HIGH, True)
    for kind in (AgentCommandKind.MODEL, AgentCommandKind.EFFORT, AgentCommandKind.RESUME):
        await hive.commands.ask(ADA, "worker", kind, None)
    settings = hive.commands.settings(hive.agent)
    assert (settings.model, settings.effort, settings.paused) == (None, None, False)
    assert len(told) == 6


async def test_an_agent_of_the_same_name_inherits_nothing(hive: Hive) -> None:
    await hive.commands.ask(ADA, "worker", AgentCommandKind.PAUSE, None)
    await hive.commands.ask(ADA, "worker", AgentCommandKind.COMPACT, None)
    await hive.clock.advance(1)
    hive.now(created_at=hive.clock.now())
    assert not hive.commands.settings(hive.agent).paused
    assert hive.commands.queued(hive.agent) == []


@pytest.mark.parametrize(
    ("kind", "state", "container", "words"),
    [
        (AgentCommandKind.CANCEL, AgentState.IDLE, ContainerState.RUNNING, "no turn"),
        (AgentCommandKind.WAKE, AgentState.IDLE, ContainerState.RUNNING, "waits for nothing"),
        (AgentCommandKind.WAKE, AgentState.PAUSED, ContainerState.RUNNING, "waits for nothing"),
        (AgentCommandKind.COMPACT, AgentState.STOPPED, ContainerState.STOPPED, "stopped"),
        (AgentCommandKind.NEW_SESSION, AgentState.FAILED, ContainerState.FAILED, "failed"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(
    hive: Hive, kind: AgentCommandKind, state: AgentState, container: ContainerState, words: str
) -> None:
    hive.now(state=state, container=container)
    with pytest.raises(ConflictError, match=words):
        await hive.commands.ask(ADA, "worker", kind, None)
    assert hive.sent == []


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (AgentCommandKind.MODEL, "haiku", ConflictError),
        (AgentCommandKind.MODEL, "op us", InvalidError),
        (AgentCommandKind.EFFORT, "enormous", InvalidError),
        (AgentCommandKind.PAUSE, "opus", InvalidError),
    ],
)
async def test_a_value_that_is_none_is_refused(
    hive: Hive, kind: AgentCommandKind, value: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await hive.commands.ask(ADA, "worker", kind, value)


async def test_every_command_is_in_the_audit_log(hive: Hive) -> None:
    await hive.commands.ask(ADA, "worker", AgentCommandKind.MODEL, "opus")
    await hive.commands.ask(ADA, "worker", AgentCommandKind.CANCEL, None)
    rows = (await Audit(hive.database).page(before=None, limit=10)).rows
    assert [(row.who, row.action, row.outcome) for row in rows] == [
        ("ada", "cancel", "queued"),
        ("ada", "model", "done"),
    ]


async def test_a_wake_clears_the_way_before_the_harness_hears_of_it_and_is_noted_with_the_account(hive: Hive) -> None:
    hive.now(state=AgentState.PARKED)

    async def held_by_a_cap(agent: Agent) -> str | None:
        raise ConflictError("a cap")

    async def held_by_its_account(agent: Agent) -> str | None:
        assert hive.sent == []
        return "night"

    hive.commands.waking = held_by_a_cap
    with pytest.raises(ConflictError):
        await hive.commands.ask(ADA, "worker", AgentCommandKind.WAKE, None)
    assert (hive.sent, hive.commands.queued(hive.agent)) == ([], [])
    hive.commands.waking = held_by_its_account
    await hive.commands.ask(ADA, "worker", AgentCommandKind.WAKE, None)
    assert [command.kind for command in hive.sent] == [CommandKind.WAKE]
    [row] = (await Audit(hive.database).page(before=None, limit=10)).rows
    assert (row.action, row.target, row.details) == ("wake", "worker", {"account": "night"})


async def test_a_message_given_back_uncounted_never_dies(hive: Hive) -> None:
    broker = Broker(hive.database, hive.clock, lambda: {"worker"}, policy=Policy(lease_seconds=60, max_attempts=2))
    await broker.hello("worker", "one")
    await broker.send(OPERATOR, "worker", "hello")
    for _ in range(5):
        (message,) = await broker.receive("worker", "one", wait_seconds=0, limit=1)
        await broker.nack("worker", "one", [message.id], "rate limited", counted=False)
    (message,) = await broker.receive("worker", "one", wait_seconds=0, limit=1)
    assert (message.attempts, message.redelivered, message.redelivery_reason) == (0, True, "rate limited")


async def test_an_agent_cannot_end_what_another_one_was_asked(hive: Hive) -> None:
    asked = await hive.commands.ask(ADA, "worker", AgentCommandKind.CANCEL, None)
    await hive.commands.ended("writer", asked.id, "mine")
    assert hive.commands.queued(hive.agent) == [asked]
    await hive.commands.ended("worker", asked.id, None)
    assert hive.commands.queued(hive.agent) == []
