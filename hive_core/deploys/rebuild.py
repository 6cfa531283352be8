"""Switching an agent to an approved configuration: `applied` and the container change together, or neither does."""

import logging

from hive_core.agents.agents import Agents
from hive_core.configs.configs import Configs
from hive_core.configs.repositories import Repositories
from hive_core.jobs import Running
from hive_rpc.configuration import JobStep
from hive_rpc.errors import AgentFailedError, HiveError

log = logging.getLogger(__name__)


class Rebuild:
    """Every step can be done again: core may end in the middle of each, and its next start repeats it.

    A job's details: `config` and `sha` are what is wanted, `old_config` and `old_sha` what ran before, `error` is why
    it is being taken back.
    """

    def __init__(self, *, agents: Agents, configs: Configs, repositories: Repositories) -> None:
        self._agents = agents
        self._configs = configs
        self._repositories = repositories

    async def __call__(self, running: Running) -> None:
        """Raises AgentFailedError when it did not work and was taken back."""
        if not running.reached(JobStep.ROLL_BACK):
            try:
                await self._forward(running)
            except HiveError as error:
                if running.job.step is JobStep.BEGIN:
                    raise
                await running.say(error.sentence())
                await running.step(JobStep.ROLL_BACK, error=error.message)
        if running.job.step is JobStep.ROLL_BACK:
            await self._back(running)
        await self._mark(running, "deployed")

    async def _forward(self, running: Running) -> None:
        name, wanted = running.job.agent, running.details
        if not running.reached(JobStep.APPLY):
            old_sha = await self._configs.commit_of(name)
            await self._mark(running, "approved")
            old_config = self._agents.get(name).config_text
            await running.step(JobStep.APPLY, old_sha=old_sha, old_config=old_config)
        if not running.reached(JobStep.SWITCH):
            await running.say(f"Applying {wanted['sha'][:12]}.")
            await self._repositories.move(name, wanted["sha"])
            await running.step(JobStep.SWITCH)
        if not running.reached(JobStep.FINISH):
            await running.say(f"Draining {name}, then switching it.")
            await self._agents.switch(name, wanted["config"], wanted["sha"])
            await running.say(f"{name} is up with {wanted['sha'][:12]}.")
            await running.step(JobStep.FINISH)

    async def _back(self, running: Running) -> None:
        name, wanted = running.job.agent, running.details
        await running.say(f"Going back to {wanted['old_sha'][:12]}.")
        await self._repositories.move(name, wanted["old_sha"])
        try:
            await self._agents.restore(name, wanted["old_config"], wanted["old_sha"])
            await running.say(f"{name} is up with {wanted['old_sha'][:12]} again.")
        except HiveError as error:
            await running.say(f"It does not come up with that either, and is tried again: {error.sentence()}")
        await self._mark(running, "failed", await running.log())
        raise AgentFailedError(wanted["error"])

    async def _mark(self, running: Running, what: str, message: str = "") -> None:
        tag = f"{what}/{running.job.approval or running.job.id}"
        try:
            await self._repositories.mark(running.job.agent, tag, running.details["sha"], message)
        except HiveError as error:
            # The database knows it anyway; a tag is for those who look with git.
            log.error("%s is not tagged: %s", tag, error.sentence())
