"""Every agent's configuration has a commit: those that were spawned from a text get theirs here."""

import asyncio
import logging
from collections import defaultdict
from importlib import resources

from hive_core.agents.agents import Agents
from hive_core.agents.config import DEFAULT_CONFIG, AgentConfig
from hive_core.configs.repositories import Repositories
from hive_rpc.errors import HiveError, InvalidError

log = logging.getLogger(__name__)

_TEMPLATES = resources.files("hive_core.configs").joinpath("templates")
AUTHOR = "hive"
_SPAWNED = "What it was spawned with"


def nix_template() -> str:
    """The `agent.nix` that says nothing."""
    return _TEMPLATES.joinpath("agent.nix").read_text(encoding="utf-8")


def worker_template() -> str:
    """The `agent.toml` that a new worker is written from."""
    return _TEMPLATES.joinpath("worker.toml").read_text(encoding="utf-8")


def files_of(config: str) -> dict[str, str]:
    """A configuration of which only the `agent.toml` was given."""
    return {"agent.toml": config, "agent.nix": nix_template()}


class Configs:
    def __init__(self, repositories: Repositories, agents: Agents) -> None:
        self._repositories = repositories
        self._agents = agents
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Give a commit to every agent that has none, as after an upgrade; then nothing more to do."""
        for agent in self._agents.all():
            await self.try_to_keep(agent.name)

    async def try_to_keep(self, name: str) -> None:
        """As `commit_of`; what fails is tried again when the commit is needed."""
        try:
            await self.commit_of(name)
        except HiveError as error:
            log.error("The configuration of %s is not in git yet: %s", name, error.sentence())

    async def adopt(self, name: str, config: str | None) -> str:
        """Make a commit of the text of a new agent, and apply it."""
        files = files_of(DEFAULT_CONFIG if config is None else config)
        return await self._repositories.adopt(name, files, author=AUTHOR, message=_SPAWNED)

    async def commit_of(self, name: str) -> str:
        """The commit of what the agent runs with, made now if there is none."""
        async with self._locks[name]:
            agent = self._agents.get(name)
            if agent.sha is not None:
                return agent.sha
            sha = await self.adopt(name, agent.config_text)
            await self._agents.note_commit(name, sha)
            return sha


def refuse_what_is_nixos(config: AgentConfig, nix: str) -> None:
    """Containers of the kind `stateless` have the machine's own /usr, and nobody who could build another.

    `nix` is the text of `agent.nix`. Raises InvalidError.
    """
    if config.packages or config.nix:
        raise InvalidError(
            "agent.toml: packages and nix need containers of the kind `nixos`, and those of this hive are stateless.",
            hint="What the agent needs has to be installed on the machine itself.",
        )
    if nix.strip() and nix != nix_template():
        raise InvalidError(
            "agent.nix says something, and the containers of this hive are stateless: they are not built by Nix.",
            hint="Leave agent.nix as in the template, and use agent.toml.",
        )
