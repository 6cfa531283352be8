"""Bringing an agent's container up and down, with everything around it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from hive_base.clock import Clock
from hive_core.agents.config import Capability
from hive_core.agents.directories import Directories
from hive_core.agents.hooks import Hooks
from hive_core.agents.models import Agent
from hive_core.agents.roster import Roster
from hive_core.agents.waiting import within
from hive_core.containers.binds import Bind
from hive_core.containers.containers import Containers
from hive_core.containers.models import ContainerSpec
from hive_core.logs.journal import Journal
from hive_rpc.errors import AgentFailedError, HiveError
from hive_rpc.types import AgentState, ContainerState

log = logging.getLogger(__name__)

HELLO_SECONDS = 30.0
"""How long a container that is up may take until its harness says hello."""
_LINES = 5
"""Of the log, told with a failure."""


class Containment:
    """The steps that the verbs are made of. Each holds for one agent, whose `verb` lock the caller has."""

    def __init__(
        self,
        *,
        roster: Roster,
        containers: Containers,
        directories: Directories,
        journal: Journal,
        hooks: Hooks,
        clock: Clock,
    ) -> None:
        self._roster = roster
        self._containers = containers
        self._directories = directories
        self._journal = journal
        self._hooks = hooks
        self._clock = clock

    async def up(self, agent: Agent) -> None:
        """Boot the container and wait for the hello. Raises AgentFailedError with the cause and the last log lines."""
        await self._bring(agent, self._boot)

    async def renew(self, agent: Agent) -> None:
        """Have the container, which has drained, be what it is configured as now; it is booted only if it has to be.

        Raises as `up` does.
        """
        await self._bring(agent, self._reload)

    async def _bring(self, agent: Agent, begin: Callable[[Agent], Awaitable[None]]) -> None:
        self._roster.life(agent.name).greeted.clear()
        self._roster.show(agent.name, AgentState.STARTING)
        limits = agent.config.limits
        await self._containers.limit(
            agent.machine, memory_mib=limits.memory_mib, cpu_percent=limits.cpu_percent, tasks=limits.tasks
        )
        try:
            await begin(agent)
            if not await self.greeted(agent.name):
                raise AgentFailedError(
                    f"The container of {agent.name} is up, but its harness did not say hello within "
                    f"{HELLO_SECONDS:g} s."
                )
        except AgentFailedError as error:
            said = await self.last_lines(agent)
            raise AgentFailedError(f"{error.message}{said}", hint=error.hint) from error
        self._roster.note_container(agent.name, ContainerState.RUNNING)

    async def _boot(self, agent: Agent) -> None:
        # Its file system may have to be made, or made larger.
        await self._containers.stop(agent.machine)
        await self._directories.make(agent.name, agent.config.limits.disk_mib)
        await self._containers.start(self._spec(agent))

    async def _reload(self, agent: Agent) -> None:
        if await self._containers.reload(self._spec(agent)):
            # Its harness is another one: what was leased to the old one is free.
            await self._hooks.container_died(agent.name)
        else:
            await self.halt(agent)
            await self._boot(agent)

    def _spec(self, agent: Agent) -> ContainerSpec:
        binds = [
            Bind(Path(mount.source), Path(mount.target), read_only=not mount.writable) for mount in agent.config.mounts
        ]
        if Capability.MANAGER in agent.config.capabilities:
            binds += self._directories.manager_binds(agent.name)
        return ContainerSpec(
            agent=agent.name,
            machine=agent.machine,
            binds=binds,
            system=agent.system,
            secrets=sorted(set(agent.config.secrets.values())),
            nix=agent.config.nix,
        )

    async def drain(self, agent: Agent) -> None:
        """Let the turn that runs finish, for `drain_seconds` at most. The harness begins no other."""
        if agent.container in (ContainerState.STARTING, ContainerState.RUNNING):
            seconds = agent.config.drain_seconds
            self._roster.show(
                agent.name,
                AgentState.STOPPING,
                "The turn that runs may finish first.",
                self._clock.now() + timedelta(seconds=seconds),
            )
            if not await within(self._clock, seconds, self._hooks.drain(agent.name)):
                log.info("%s did not finish its turn within %g s and is interrupted", agent.name, seconds)
                self._hooks.interrupt(agent.name)
        self._roster.show(agent.name, AgentState.STOPPING)

    async def down(self, agent: Agent) -> None:
        """Drain, then stop the container."""
        await self.drain(agent)
        await self.halt(agent)

    async def halt(self, agent: Agent) -> None:
        """Stop the container at once."""
        await self._containers.stop(agent.machine)
        self._roster.note_container(agent.name, ContainerState.STOPPED)
        self._roster.life(agent.name).greeted.clear()
        await self._hooks.container_died(agent.name)

    async def greeted(self, name: str) -> bool:
        """Wait for the harness's hello, as long as it may take; False when it did not come."""
        return await within(self._clock, HELLO_SECONDS, _set(self._roster.life(name).greeted))

    async def furnish(self, agent: Agent, *, runs: bool) -> bool:
        """The agent's directories and its socket; True if it had no state before."""
        is_new = await self._directories.make(agent.name, None if runs else agent.config.limits.disk_mib)
        await self._hooks.listen(agent.name)
        return is_new

    async def clear(self, agent: Agent) -> None:
        """Delete the container, its socket and the directories of its sockets; its state stays."""
        await self._containers.remove(agent.machine)
        await self._hooks.unlisten(agent.name)
        await self._directories.put_away(agent.name)

    async def last_lines(self, agent: Agent, invocation: str | None = None) -> str:
        """The last lines of this run's log, to be put behind a sentence; empty when there are none to be had."""
        try:
            if invocation is None:
                invocation = (await self._containers.status(agent.machine)).invocation
            lines = await self._journal.last_words(agent.machine, _LINES, invocation=invocation)
        except (HiveError, OSError) as error:
            log.warning("the log of %s cannot be read: %s", agent.name, error)
            return ""
        return "".join(f"\n  {line.source}: {line.text}" for line in lines)


async def _set(event: asyncio.Event) -> None:
    await event.wait()
