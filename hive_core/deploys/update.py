"""Switching every agent to what is new in the inputs of the meta flake: all of them, or none."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from hive_core.agents.agents import Agents
from hive_core.agents.models import Agent
from hive_core.broker import Broker
from hive_core.configs.configs import Configs
from hive_core.deploys.systems import Systems
from hive_core.deploys.waves import told, waves
from hive_core.jobs import Running
from hive_core.meta import lock
from hive_core.meta.meta import Meta
from hive_rpc.configuration import JobStep
from hive_rpc.errors import AgentFailedError, ConflictError, HiveError
from hive_rpc.types import SYSTEM

_REASON = "The hive's inputs were updated, and your container was built anew."


class Update:
    """Every step can be done again. While it runs, no other job does.

    A job's details: `lock` is what is wanted; `old_lock` what was pinned before; `systems` and `old_systems` are JSON,
    what each agent boots after it and before; `done` are those that are through; `error` is why it is taken back.
    """

    def __init__(self, *, agents: Agents, broker: Broker, configs: Configs, meta: Meta, systems: Systems) -> None:
        self._agents = agents
        self._broker = broker
        self._configs = configs
        self._meta = meta
        self._systems = systems

    async def __call__(self, running: Running) -> None:
        """Raises AgentFailedError when it did not work and was taken back."""
        if not running.reached(JobStep.ROLL_BACK):
            try:
                await self._forward(running)
            except HiveError as error:
                if not running.reached(JobStep.APPLY):
                    raise
                await running.say(error.sentence())
                await running.step(JobStep.ROLL_BACK, error=error.message)
        if running.job.step is JobStep.ROLL_BACK:
            await self._back(running)

    async def _forward(self, running: Running) -> None:
        wanted = running.details
        if not running.reached(JobStep.APPLY):
            await self._prepare(running)
        if not running.reached(JobStep.SWITCH):
            await self._meta.adopt(wanted["lock"], f"Inputs of {running.job.approval}")
            await running.step(JobStep.SWITCH, done="")
        if not running.reached(JobStep.FINISH):
            await self._switch(running)
            await running.step(JobStep.FINISH)

    async def _prepare(self, running: Running) -> None:
        wanted = running.details["lock"]
        pinned = await self._meta.lock()
        changes = lock.changes(pinned, wanted)
        if [c.model_dump_json() for c in changes] != json.loads(running.details["changes"]):
            raise ConflictError("The inputs were updated otherwise meanwhile.", hint="Ask for the update again.")
        pins = {agent.name: await self._configs.commit_of(agent.name) for agent in self._agents.all()}
        systems = await self._systems.build(running, pins, lock=wanted)
        await running.step(
            JobStep.APPLY,
            old_lock=pinned,
            systems=_paths(systems),
            old_systems=_paths({a.name: a.system for a in self._agents.all() if a.system is not None}),
        )

    async def _switch(self, running: Running) -> None:
        systems: Mapping[str, str] = json.loads(running.details["systems"])
        agents = [agent for agent in self._agents.all() if agent.name in systems]
        done = running.details["done"].split()
        for wave in waves(agents):
            left = [agent for agent in wave if agent.name not in done]
            if not left:
                continue
            await running.say(f"Draining and switching {', '.join(a.name for a in left)}.")
            ended = await asyncio.gather(
                *(self._switch_one(running, agent, agents, Path(systems[agent.name])) for agent in left),
                return_exceptions=True,
            )
            for failure in (end for end in ended if isinstance(end, BaseException)):
                raise failure
            done += [agent.name for agent in left]
            await running.step(JobStep.SWITCH, done=" ".join(done))

    async def _switch_one(self, running: Running, agent: Agent, agents: list[Agent], system: Path) -> None:
        await self._broker.send(
            SYSTEM, agent.name, told(agent, agents, _REASON), key=f"told/{running.job.id}/{agent.name}"
        )
        await self._agents.switch(agent.name, agent.config_text, agent.sha, system)
        await running.say(f"{agent.name} is up again.")

    async def _back(self, running: Running) -> None:
        await running.say("Going back to what was pinned before.")
        await self._meta.adopt(running.details["old_lock"], f"Inputs of {running.job.approval} were taken back")
        old: Mapping[str, str] = json.loads(running.details["old_systems"])
        for agent in self._agents.all():
            before = Path(old[agent.name]) if agent.name in old else None
            if agent.system == before:
                continue
            try:
                await self._agents.restore(agent.name, agent.config_text, agent.sha, before)
                await running.say(f"{agent.name} is up as before.")
            except HiveError as error:
                await running.say(f"{agent.name} does not come up as before, and is tried again: {error.sentence()}")
        raise AgentFailedError(running.details["error"])


def _paths(systems: Mapping[str, Path]) -> str:
    return json.dumps({name: str(path) for name, path in systems.items()})
