"""A core that changes agents: lives as in `tests.support.lives`, real repositories, and the queue of jobs."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from hive_core.approvals.telling import AGENT_SOCKET
from hive_core.broker import Broker
from hive_core.deploys.changes import Changes, changes
from hive_core.deploys.lives import WELCOME
from hive_core.jobs import Order
from hive_core.meta.flake import Sources
from hive_core.meta.meta import STORE, Meta
from hive_core.operators.audit import Actor
from hive_rpc.configuration import Approval, JobKind
from hive_rpc.types import SYSTEM
from tests.support import lives
from tests.support.fake_systemd import Bus, FakeSystemd
from tests.support.lives import Lives
from tests.support.sandboxes import NoWalls

ADA = Actor("ada", "operator.sock")
MANAGER = Actor("manager", AGENT_SOCKET)
WHO = {"GIT_AUTHOR_NAME": "m", "GIT_AUTHOR_EMAIL": "m@hive", "GIT_COMMITTER_NAME": "m", "GIT_COMMITTER_EMAIL": "m@hive"}


@dataclass
class Changing:
    """One run of core."""

    lives: Lives
    changes: Changes
    broker: Broker
    sandbox: NoWalls

    async def spawn(self, name: str, config: str = "") -> None:
        await self.changes.jobs.do(Order(JobKind.SPAWN, name, ADA, details={"config": config}))

    def propose(self, name: str, config: str, **files: str) -> str:
        """Commit in `proposed`, as a manager does; the commit's id."""
        repository = self.lives.state.proposed / name
        if not repository.exists():
            repository.mkdir()
            _git(repository, "init", "--quiet", "--initial-branch=main")
        for path, text in {"agent.toml": config, **files}.items():
            (repository / path.replace("_", ".")).write_text(text)
        _git(repository, "add", "--all")
        _git(repository, "commit", "--quiet", "--allow-empty", "--message=a proposal")
        return _git(repository, "rev-parse", "HEAD").strip()

    async def approved(self, asked: Approval) -> Approval:
        """Approve it, and wait until it has been carried out."""
        approved = await self.changes.proposals.approve(ADA, asked.id, "go")
        assert approved.job is not None
        await self.changes.jobs.wait(approved.job)
        return await self.changes.approvals.get(asked.id)

    async def told(self, name: str) -> list[str]:
        """What the hive has said to an agent since it was asked the last time, but for the welcome."""
        await self.broker.hello(name, "reader")
        messages = await self.broker.receive(name, "reader")
        await self.broker.ack(name, "reader", [m.id for m in messages])
        return [m.body for m in messages if m.sender == SYSTEM and m.body != WELCOME]

    async def tags(self, name: str) -> set[str]:
        """The kinds of tags of all commits: `approved`, `deployed` …"""
        return {tag.split("/")[0] for c in await self.changes.repositories.log(name) for tag in c.tags}


def _git(repository: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_COUNT": "1", **WHO}
    environment |= {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    return subprocess.run(
        ["git", *words], cwd=repository, env=environment, check=True, capture_output=True, text=True
    ).stdout


@contextlib.asynccontextmanager
async def core(
    root: Path, bus: Bus, fake: FakeSystemd, sources: Sources | None = None, store: Path = STORE
) -> AsyncIterator[Changing]:
    """One run of core; leaving it is as if core was killed: what is under way stays begun.

    With `sources`, what containers boot is built.
    """
    sandbox = NoWalls()
    async with lives.core(root, bus, fake) as living:
        broker = Broker(living.database, living.clock, living.agents.live_names)
        meta = None if sources is None else Meta(sandbox, living.state, living.clock, sources, store=store)
        changing = changes(
            living.database,
            living.clock,
            state=living.state,
            sandbox=sandbox,
            agents=living.agents,
            broker=broker,
            meta=meta,
        )
        running = asyncio.ensure_future(changing.run())
        try:
            yield Changing(living, changing, broker, sandbox)
        finally:
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled() and (error := running.exception()):
                raise error
