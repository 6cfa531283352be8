"""The jobs that bring agents into the hive, out of it, and up and down."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from hive_base.clock import Clock
from hive_core.agents.agents import Agents
from hive_core.broker import Broker
from hive_core.configs.configs import Configs
from hive_core.configs.repositories import Repositories
from hive_core.deploys.systems import Systems
from hive_core.jobs import Running
from hive_core.jobs.jobs import Handler
from hive_rpc.configuration import JobKind, JobStep
from hive_rpc.errors import ConflictError, HiveError
from hive_rpc.types import SYSTEM

WELCOME = (
    "You have just been created. Look around, note in your state directory what a later you should know, "
    "and say in one sentence that you are ready."
)
BACK = (
    "You are back: you were destroyed {span} ago and have been brought back now. Your files and notes are as they "
    "were; read what is noted in your state directory, and say in one sentence that you are ready."
)
PURGE = "purge"
"""In the details of a destroy: the files go too."""


class Lives:
    """Of a job's details: `config` and `sha` (spawn), `purge` (destroy), `told` (restart: what the agent is told).

    `system` is what was built for a spawn, where that is needed.
    """

    def __init__(
        self,
        *,
        agents: Agents,
        broker: Broker,
        clock: Clock,
        configs: Configs,
        repositories: Repositories,
        systems: Systems,
    ) -> None:
        self._agents = agents
        self._broker = broker
        self._clock = clock
        self._configs = configs
        self._repositories = repositories
        self._systems = systems

    def handlers(self) -> Mapping[JobKind, Handler]:
        return {
            JobKind.SPAWN: self._spawn,
            JobKind.START: self._start,
            JobKind.STOP: self._stop,
            JobKind.RESTART: self._restart,
            JobKind.DESTROY: self._destroy,
        }

    async def _spawn(self, running: Running) -> None:
        name, sha = running.job.agent, running.details.get("sha")
        if running.resumed and name in self._agents.live_names():
            await self._agents.start(name)
        else:
            await self._create(running)
        await self._broker.send(SYSTEM, name, await self._welcome(name), key=f"welcome/{running.job.id}")
        # While the agent has its first turn.
        await self._configs.try_to_keep(name)
        if running.job.approval is not None and sha is not None:
            await self._repositories.mark(name, f"deployed/{running.job.approval}", sha, "")
        await self._agents.forget_tombstone(name)

    async def _welcome(self, name: str) -> str:
        for tombstone in await self._agents.tombstones():
            if tombstone.agent == name:
                return BACK.format(span=_words(self._clock.now() - tombstone.destroyed_at))
        return WELCOME

    async def _create(self, running: Running) -> None:
        name, config = running.job.agent, running.details.get("config")
        sha = running.details.get("sha")
        if name in self._agents.live_names():
            # A job before this one has made it; what is done below would be done to that one.
            raise ConflictError(f"There is an agent {name} already.", hint="Choose another name, or destroy it first.")
        if self._systems.are_built:
            # Also where it was built before: what was dropped below is not kept from Nix's collector any more.
            sha = sha or await self._configs.adopt(name, config)
            built = await self._systems.build(running, {name: sha})
            await running.step(JobStep.APPLY, sha=sha, system=str(built[name]))
        system = running.details.get("system")
        try:
            if sha is not None:
                await self._repositories.move(name, sha)
                await self._systems.pin({name: sha}, f"{name} at {sha[:12]}")
            await self._agents.spawn(name, config, sha, None if system is None else Path(system))
        except HiveError:
            await self._systems.drop(name)
            raise

    async def _start(self, running: Running) -> None:
        await self._agents.start(running.job.agent)

    async def _stop(self, running: Running) -> None:
        await self._agents.stop(running.job.agent)

    async def _restart(self, running: Running) -> None:
        name = running.job.agent
        if "told" in running.details:
            await self._broker.send(SYSTEM, name, running.details["told"], key=f"told/{running.job.id}")
        await self._agents.restart(name)

    async def _destroy(self, running: Running) -> None:
        name = running.job.agent
        if name in self._agents.live_names():
            if PURGE in running.details:
                await self._agents.purge(name)
            else:
                await self._agents.destroy(name, by=running.actor.name)
        await self._systems.unpin(name)
        if PURGE in running.details:
            await self._agents.purge_remains(name)
            # Not when it is destroyed only: who revives it is not to wait for a build.
            await self._systems.let_go(name)


def _words(span: timedelta) -> str:
    """In the largest unit that fits: `3 days`."""
    for unit, count in (("day", span.days), ("hour", span.seconds // 3600), ("minute", span.seconds // 60)):
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
