"""Switching an agent to an approved configuration: `applied`, the meta flake and the container change, or none does."""

import logging
from pathlib import Path

from hive_core.agents.agents import Agents
from hive_core.configs.configs import Configs
from hive_core.configs.repositories import Repositories
from hive_core.deploys.systems import Systems
from hive_core.jobs import Running
from hive_core.jobs.running import CancelledJobError
from hive_rpc.configuration import JobStep
from hive_rpc.errors import AgentFailedError, HiveError

log = logging.getLogger(__name__)


class Rebuild:
    """Every step can be done again: core may end in the middle of each, and its next start repeats it.

    A job's details: `config` and `sha` are what is wanted, `system` what was built from it; `old_config`, `old_sha` and
    `old_system` what ran before; `error` is why it is being taken back. The systems are missing where none are built.
    """

    def __init__(self, *, agents: Agents, configs: Configs, repositories: Repositories, systems: Systems) -> None:
        self._agents = agents
        self._configs = configs
        self._repositories = repositories
        self._systems = systems

    async def __call__(self, running: Running) -> None:
        """Raises AgentFailedError when it did not work and was taken back."""
        if not running.reached(JobStep.ROLL_BACK):
            try:
                await self._forward(running)
            except CancelledJobError:
                raise
            except HiveError as error:
                if not running.reached(JobStep.BUILD):
                    raise
                await running.say(error.sentence())
                if not running.reached(JobStep.APPLY):
                    await self._mark(running, "failed", await running.log())
                    raise
                await running.step(JobStep.ROLL_BACK, error=error.message)
        if running.job.step is JobStep.ROLL_BACK:
            await self._back(running)
        await self._mark(running, "deployed")

    async def _forward(self, running: Running) -> None:
        name, wanted = running.job.agent, running.details
        if not running.reached(JobStep.APPLY):
            await self._prepare(running)
        if not running.reached(JobStep.SWITCH):
            await running.say(f"Applying {wanted['sha'][:12]}.")
            await self._move(name, wanted["sha"])
            await running.step(JobStep.SWITCH)
        if not running.reached(JobStep.FINISH):
            await running.say(f"Draining {name}, then switching it.")
            await self._agents.switch(name, wanted["config"], wanted["sha"], _path(wanted.get("system")))
            await running.say(f"{name} is up with {wanted['sha'][:12]}.")
            await running.step(JobStep.FINISH)

    async def _prepare(self, running: Running) -> None:
        """Nothing is changed yet but tags."""
        name, sha = running.job.agent, running.details["sha"]
        old_sha = await self._configs.commit_of(name)
        await self._mark(running, "approved")
        built = {key: str(path) for key, path in (await self._systems.build(running, {name: sha})).items()}
        agent = self._agents.get(name)
        details = {"old_sha": old_sha, "old_config": agent.config_text}
        details |= {"system": built[name]} if name in built else {}
        details |= {"old_system": str(agent.system)} if agent.system is not None else {}
        await running.step(JobStep.APPLY, **details)

    async def _back(self, running: Running) -> None:
        name, wanted = running.job.agent, running.details
        await running.say(f"Going back to {wanted['old_sha'][:12]}.")
        await self._move(name, wanted["old_sha"])
        try:
            await self._agents.restore(name, wanted["old_config"], wanted["old_sha"], _path(wanted.get("old_system")))
            await running.say(f"{name} is up with {wanted['old_sha'][:12]} again.")
        except HiveError as error:
            await running.say(f"It does not come up with that either, and is tried again: {error.sentence()}")
        await self._mark(running, "failed", await running.log())
        raise AgentFailedError(wanted["error"])

    async def _move(self, name: str, sha: str) -> None:
        await self._repositories.move(name, sha)
        await self._systems.pin({name: sha}, f"{name} at {sha[:12]}")

    async def _mark(self, running: Running, what: str, message: str = "") -> None:
        tag = f"{what}/{running.job.approval or running.job.id}"
        try:
            await self._repositories.mark(running.job.agent, tag, running.details["sha"], message)
        except HiveError as error:
            # The database knows it anyway; a tag is for those who look with git.
            log.error("%s is not tagged: %s", tag, error.sentence())


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
