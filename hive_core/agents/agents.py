"""The verbs of an agent's life."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from hive_base.clock import Clock
from hive_core.agents.config import DEFAULT_CONFIG, parse
from hive_core.agents.containment import Containment
from hive_core.agents.directories import Directories
from hive_core.agents.follower import Follower
from hive_core.agents.hooks import Hooks
from hive_core.agents.models import Agent, Desired
from hive_core.agents.names import checked_name
from hive_core.agents.registry import Registry
from hive_core.agents.roster import Roster
from hive_core.agents.starter import Starter
from hive_core.agents.work import Work
from hive_core.containers.containers import Containers
from hive_core.containers.models import ContainerStatus
from hive_core.logs.journal import Journal
from hive_core.rates import Rate, Rates
from hive_rpc.configuration import Tombstone
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.agent import ReportStateRequest
from hive_rpc.types import AgentState, ContainerState

_REPORTS = Rate(burst=100, per_second=5)
"""Of what one agent's harness does, which it says a few times in a turn: each is stored and shown."""
_SHORTEST_WAIT = 0.05
_AT_WORK = frozenset(AgentState) - {AgentState.STARTING, AgentState.STOPPING, AgentState.STOPPED, AgentState.FAILED}

log = logging.getLogger(__name__)

BOOTS_AT_ONCE = 8
"""Containers that core boots at the same time when it starts; more only make each other late."""


class Agents:
    """Every agent of this hive. Verbs return when they are done, and raise a HiveError that tells the cause.

    Reading never waits. Verbs on the same agent wait for each other.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        containers: Containers,
        directories: Directories,
        journal: Journal,
        hooks: Hooks,
        clock: Clock,
    ) -> None:
        self._directories = directories
        self._hooks = hooks
        self._clock = clock
        self._reports = Rates(clock, _REPORTS)
        self._containers = containers
        self._work = Work()
        self._roster = roster = Roster(registry, hooks, clock)
        self._containment = containment = Containment(
            roster=roster, containers=containers, directories=directories, journal=journal, hooks=hooks, clock=clock
        )
        self._starter = Starter(roster=roster, containment=containment, work=self._work, clock=clock)
        self._follower = Follower(
            roster=roster,
            containers=containers,
            containment=containment,
            starter=self._starter,
            work=self._work,
            hooks=hooks,
        )
        self._boots = asyncio.Semaphore(BOOTS_AT_ONCE)
        self._unfinished: list[tuple[str, Callable[[str], Coroutine[Any, Any, None]]]] = []

    async def adopt(self) -> None:
        """At core's start: listen on every agent's socket, take over what runs, and find out what does not.

        Raises ConflictError when the state directory is not root's alone.
        """
        await self._directories.check()
        await self._roster.load()
        statuses = {agent.name: await self._containers.status(agent.machine) for agent in self._roster.all()}
        if not any(map(_runs, statuses.values())):
            try:
                await self._directories.share()
            except HiveError as error:
                log.error("/shared or /proposed has no limit: %s", error.sentence())
        for agent in self._roster.all():
            try:
                await self._adopt(agent, statuses[agent.name])
            except HiveError as error:
                log.error("%s cannot be taken over: %s", agent.name, error.sentence())
                self._roster.show(agent.name, AgentState.FAILED, error.sentence())

    async def run(self) -> None:
        """Follow the containers and carry out verbs, until cancelled. Starts what should run and does not."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work.run())
            group.create_task(self._follower.run())
            await self._work.begun()
            for name, finish in self._unfinished:
                self._work.start(f"after the restart of core: {name}", finish(name))

    def all(self) -> Sequence[Agent]:
        """All of them, by name."""
        return self._roster.all()

    def live_names(self) -> frozenset[str]:
        """Those a message can be sent to: every agent of the registry."""
        return self._roster.names()

    def get(self, name: str) -> Agent:
        """Raises NotFoundError."""
        return self._roster.get(name)

    async def check_known(self, name: str) -> None:
        """Raises NotFoundError when nobody sends messages by that name, nor has an agent done so that is gone."""
        await self._roster.check_known(name)

    async def spawn(
        self, name: str, config_text: str | None, sha: str | None = None, system: Path | None = None
    ) -> Agent:
        """Create an agent, boot it, and wait for its harness's hello. On failure nothing of it is left.

        `sha` is the commit in `applied` that the text is from, where there is one already. `system` is what was built
        from it, a NixOS system in the store; None where containers are stateless.
        """
        text = DEFAULT_CONFIG if config_text is None else config_text
        parse(text)
        await self._work.do(self._spawn(checked_name(name), text, sha, system))
        return self._roster.get(name)

    async def start(self, name: str) -> None:
        """Boot a stopped or failed agent, and wait for its harness's hello; nothing to do for one that is well."""
        self._roster.get(name)
        await self._work.do(self._start(name))

    async def stop(self, name: str) -> None:
        """Drain an agent and stop its container."""
        self._roster.get(name)
        await self._work.do(self._stop(name))

    async def restart(self, name: str) -> None:
        """Stop, then start."""
        self._roster.get(name)
        await self._work.do(self._restart(name))

    async def switch(self, name: str, config_text: str, sha: str | None, system: Path | None = None) -> None:
        """Drain an agent and have it run with another configuration; it is then up, or down with the cause raised.

        A stopped agent stays stopped.
        """
        self._roster.get(name)
        await self._work.do(self._switch(name, config_text, sha, system))

    async def restore(self, name: str, config_text: str, sha: str | None, system: Path | None = None) -> None:
        """Have it run again with a configuration with which it ran before; if it does not, it is tried again later."""
        self._roster.get(name)
        await self._work.do(self._restore(name, config_text, sha, system))

    async def note_commit(self, name: str, sha: str) -> None:
        """Its configuration is in `applied` as this commit."""
        agent = self._roster.get(name)
        await self._roster.configure(name, agent.config_text, sha, agent.system)

    async def destroy(self, name: str, *, by: str) -> None:
        """Stop an agent and take it out of the hive; its files stay, and it can be revived."""
        self._roster.get(name)
        await self._work.do(self._destroy(name, partial(self._roster.bury, name, by)))

    async def purge(self, name: str) -> None:
        """Stop an agent and take it out of the hive; its files go too."""
        self._roster.get(name)
        await self._work.do(self._destroy(name, partial(self._leave_nothing, name)))

    async def purge_remains(self, name: str) -> None:
        """Delete what is left of an agent that was destroyed; no error when there is nothing."""
        if name not in self._roster.names():
            await self._directories.purge(name)
            await self._roster.forget(name)

    async def tombstones(self) -> list[Tombstone]:
        """Destroyed agents that can be revived."""
        return await self._roster.tombstones()

    async def buried_config(self, name: str) -> tuple[str, str | None]:
        """The `agent.toml` that a destroyed agent ran with, and its commit. Raises NotFoundError."""
        return await self._roster.buried_config(name)

    async def forget_tombstone(self, name: str) -> None:
        """It is back."""
        await self._roster.forget(name)

    async def hello(self, name: str, instance: str) -> None:
        """The agent's harness said hello."""
        await self._follower.hello(name, instance)

    async def harness_left(self, name: str, instance: str) -> None:
        """The connection on which this instance said hello has ended."""
        await self._follower.harness_left(name, instance)

    async def report_state(self, name: str, request: ReportStateRequest) -> None:
        """The agent's harness says what it does; one that says it too often is kept waiting."""
        while (wait := self._reports.take(name)) > 0:
            await self._clock.sleep(max(wait, _SHORTEST_WAIT))
        await self._follower.report_state(name, request)

    async def _spawn(self, name: str, config_text: str, sha: str | None, system: Path | None) -> None:
        async with self._roster.life(name).verb, AsyncExitStack() as undo:
            try:
                agent = await self._roster.register(name, config_text, sha, system)
                undo.push_async_callback(_undo, self._roster.remove, name)
                undo.push_async_callback(_undo, self._containment.clear, agent)
                if await self._containment.furnish(agent, runs=False):
                    undo.push_async_callback(_undo, self._directories.purge, name)
                self._roster.enter(agent)
                await self._containment.up(agent)
            except asyncio.CancelledError:
                # Core is being stopped. The row is there: its next start goes on where this one ended.
                undo.pop_all()
                raise
            undo.pop_all()

    async def _start(self, name: str) -> None:
        life = self._roster.life(name)
        async with life.verb:
            await self._roster.want(name, Desired.RUNNING)
            runs = self._roster.get(name).container is ContainerState.RUNNING
            if not (runs and life.greeted.is_set()):
                life.defeats = 0
                await self._starter.start(name)

    async def _stop(self, name: str) -> None:
        async with self._roster.life(name).verb:
            await self._roster.want(name, Desired.STOPPED)
            await self._containment.down(self._roster.get(name))
            self._roster.show(name, AgentState.STOPPED)

    async def _restart(self, name: str) -> None:
        life = self._roster.life(name)
        async with life.verb:
            await self._roster.want(name, Desired.RUNNING)
            await self._containment.down(self._roster.get(name))
            life.defeats = 0
            await self._starter.start(name)

    async def _switch(self, name: str, config_text: str, sha: str | None, system: Path | None) -> None:
        life = self._roster.life(name)
        async with life.verb:
            runs = self._roster.get(name).desired is Desired.RUNNING
            await self._containment.drain(self._roster.get(name))
            await self._roster.configure(name, config_text, sha, system)
            life.defeats = 0
            if not runs:
                await self._containment.halt(self._roster.get(name))
                self._roster.show(name, AgentState.STOPPED)
                return
            try:
                await self._containment.renew(self._roster.get(name))
            except HiveError as error:
                # Not tried again with this configuration: whoever asked for the switch takes it back.
                await self._containment.halt(self._roster.get(name))
                self._roster.show(name, AgentState.FAILED, error.message)
                raise

    async def _restore(self, name: str, config_text: str, sha: str | None, system: Path | None) -> None:
        life = self._roster.life(name)
        async with life.verb:
            await self._containment.down(self._roster.get(name))
            await self._roster.configure(name, config_text, sha, system)
            life.defeats = 0
            if self._roster.get(name).desired is Desired.RUNNING:
                await self._starter.start(name)

    async def _destroy(self, name: str, leave: Callable[[], Awaitable[None]]) -> None:
        async with self._roster.life(name).verb:
            # If core ends half-way, the agent is there, stopped, and can be destroyed again.
            await self._roster.want(name, Desired.STOPPED)
            agent = self._roster.get(name)
            await self._containment.down(agent)
            await self._containment.clear(agent)
            await leave()

    async def _leave_nothing(self, name: str) -> None:
        await self._directories.purge(name)
        await self._roster.remove(name)

    async def _adopt(self, agent: Agent, status: ContainerStatus) -> None:
        name, runs = agent.name, _runs(status)
        await self._containment.furnish(agent, runs=runs)
        self._roster.note_container(name, status.state)
        if not runs:
            # It may have ended while core was away.
            await self._hooks.container_died(name)
        match (agent.desired, runs):
            case (Desired.RUNNING, True):
                if agent.state not in _AT_WORK:
                    self._roster.show(name, AgentState.STARTING, "Core was restarted.")
            case (Desired.RUNNING, False):
                self._roster.show(name, AgentState.STARTING, "Core was restarted.")
                self._unfinished.append((name, self._bring_up))
            case (Desired.STOPPED, True):
                self._roster.show(name, AgentState.STOPPING, "Core was restarted.")
                self._unfinished.append((name, self._stop))
            case (Desired.STOPPED, False):
                self._roster.show(name, AgentState.STOPPED)

    async def _bring_up(self, name: str) -> None:
        async with self._boots:
            await self._start(name)


def _runs(status: ContainerStatus) -> bool:
    return status.state in (ContainerState.STARTING, ContainerState.RUNNING)


async def _undo(step: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    """One step of taking back. What led to it is what the caller has to hear of, so a failure here is logged only."""
    try:
        await step(*arguments)
    except HiveError as error:
        log.error("%s", error.sentence())
