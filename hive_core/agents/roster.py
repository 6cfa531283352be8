"""The agents as they are now: in memory for whoever looks, in the registry for the next start of core."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from hive_base.clock import Clock
from hive_core.agents.config import parse
from hive_core.agents.hooks import Hooks
from hive_core.agents.models import Agent, Desired
from hive_core.agents.registry import Registry
from hive_core.events.cutting import MAX_REASON, cut
from hive_rpc.configuration import Tombstone
from hive_rpc.errors import NotFoundError
from hive_rpc.types import OPERATOR, SYSTEM, AgentState, ContainerState


@dataclass
class Life:
    """What goes on around one agent, and is not kept."""

    verb: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the verb that is at work on it; the others wait, and signals leave the agent's state to it."""
    greeted: asyncio.Event = field(default_factory=asyncio.Event)
    """Its harness has said hello, and its container has not ended nor has that harness since."""
    defeats: int = 0
    """How often systemd has given up on its container since it last came up."""


class Roster:
    """Every agent's `Agent` and `Life`. A change is told to `hooks` when it is made."""

    def __init__(self, registry: Registry, hooks: Hooks, clock: Clock) -> None:
        self._registry = registry
        self._hooks = hooks
        self._clock = clock
        self._agents: dict[str, Agent] = {}
        self._all: Sequence[Agent] | None = None
        self._lives: dict[str, Life] = {}

    async def load(self) -> None:
        for agent in await self._registry.all():
            self._put(agent)

    def all(self) -> Sequence[Agent]:
        """By name; the very same for as long as nothing has changed."""
        if self._all is None:
            self._all = [self._agents[name] for name in sorted(self._agents)]
        return self._all

    def names(self) -> frozenset[str]:
        return frozenset(self._agents)

    def get(self, name: str) -> Agent:
        try:
            return self._agents[name]
        except KeyError:
            raise _nobody(name) from None

    async def check_known(self, name: str) -> None:
        """Raises NotFoundError when there neither is nor was anybody of that name."""
        if name not in self._agents and name not in (OPERATOR, SYSTEM) and not await self._registry.heard_of(name):
            raise _nobody(name)

    def of_machine(self, machine: str) -> Agent | None:
        return next((agent for agent in self._agents.values() if agent.machine == machine), None)

    def life(self, name: str) -> Life:
        """Also of one that is not there (yet), so that two verbs for the same name wait for each other."""
        return self._lives.setdefault(name, Life())

    async def register(self, name: str, config_text: str, sha: str | None, system: Path | None) -> Agent:
        """Write the row of a new agent, which `enter` then shows. Raises ConflictError when there is one."""
        return await self._registry.add(name, config_text, self._clock.now(), sha=sha, system=system)

    def enter(self, agent: Agent) -> None:
        """From now on it is one of the hive's."""
        self._put(agent)

    async def remove(self, name: str) -> None:
        await self._registry.delete(name)
        self._drop(name)

    async def bury(self, name: str, by: str) -> None:
        """It leaves the hive, and can come back."""
        await self._registry.bury(name, by, self._clock.now())
        self._drop(name)

    async def forget(self, name: str) -> None:
        await self._registry.forget(name)

    async def tombstones(self) -> list[Tombstone]:
        return await self._registry.tombstones()

    async def buried_config(self, name: str) -> tuple[str, str | None]:
        return await self._registry.buried_config(name)

    async def configure(self, name: str, config_text: str, sha: str | None, system: Path | None) -> None:
        """From its next boot on it runs with this. Raises InvalidError."""
        config = parse(config_text)
        await self._registry.set_config(name, config_text, sha, system)
        self._put(replace(self.get(name), config_text=config_text, config=config, sha=sha, system=system))

    async def want(self, name: str, desired: Desired) -> None:
        await self._registry.set_desired(name, desired)
        self._put(replace(self.get(name), desired=desired))

    def show(self, name: str, state: AgentState, reason: str | None = None, until: datetime | None = None) -> None:
        """What the agent does now; it is `since` now if it did something else before."""
        before = self.get(name)
        reason = cut(reason, MAX_REASON) if reason is not None else None
        since = before.since if before.state is state else self._clock.now()
        self._change(before, replace(before, state=state, since=since, reason=reason, until=until))

    def greet(self, name: str, instance: str) -> None:
        before = self.get(name)
        self._change(before, replace(before, instance=instance))

    def note_container(self, name: str, container: ContainerState) -> None:
        """Not kept: at its next start core asks systemd."""
        self._put(replace(self.get(name), container=container))

    def note_model(self, name: str, model: str) -> None:
        self._put(replace(self.get(name), model=cut(model, MAX_REASON)))

    def _drop(self, name: str) -> None:
        self._all = None
        if self._agents.pop(name, None) is not None:
            self._hooks.changed(name, None)

    def _change(self, before: Agent, now: Agent) -> None:
        if now != before:
            self._registry.post_state(now)
            self._put(now)

    def _put(self, agent: Agent) -> None:
        if self._agents.get(agent.name) != agent:
            self._agents[agent.name] = agent
            self._all = None
            self._hooks.changed(agent.name, agent)


def _nobody(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no agent {name}.", hint="`hive status` lists those there are; `hive spawn` makes one."
    )
