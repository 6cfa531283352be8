"""Everything about changes to the hive's shape, put together: asking, deciding, and carrying out."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hive_base.clock import Clock
from hive_base.paths import StatePaths
from hive_base.tasks import alongside
from hive_core.agents.agents import Agents
from hive_core.approvals import Approvals
from hive_core.approvals.telling import tell
from hive_core.broker import Broker
from hive_core.build.sandbox import Sandbox
from hive_core.configs.configs import Configs
from hive_core.configs.repositories import Repositories
from hive_core.deploys.lives import Lives
from hive_core.deploys.proposals import Proposals
from hive_core.deploys.rebuild import Rebuild
from hive_core.deploys.systems import Systems
from hive_core.deploys.update import Update
from hive_core.jobs import Jobs, Order
from hive_core.jobs import rows as job_rows
from hive_core.jobs.jobs import Handler
from hive_core.jobs.rows import Entry
from hive_core.meta import flake
from hive_core.meta.meta import Meta
from hive_core.operators.audit import CORE
from hive_core.store import Database
from hive_rpc.configuration import JobKind, JobState
from hive_rpc.interfaces.operator.configuration import Input, InputsReply
from hive_rpc.types import Message

_PAST = {
    JobKind.START: "started",
    JobKind.STOP: "stopped",
    JobKind.RESTART: "restarted",
}


@dataclass(frozen=True)
class Changes:
    agents: Agents
    approvals: Approvals
    configs: Configs
    jobs: Jobs
    proposals: Proposals
    repositories: Repositories
    applied: Path
    meta: Meta | None

    async def inputs(self) -> InputsReply:
        """What the meta flake pins; of stateless agents, of whom nothing is built, what it would."""
        if self.meta is not None:
            pinned, text = await self.meta.inputs()
            return InputsReply(inputs=pinned, flake=text)
        found, pins = [], {}
        for agent in self.agents.all():
            sha = pins[agent.name] = await self.configs.commit_of(agent.name)
            dates = {commit.sha: commit.at for commit in await self.repositories.log(agent.name)}
            where = flake.url(self.applied, agent.name, sha)
            found.append(Input(name=f"{flake.PREFIX}{agent.name}", url=where, revision=sha, modified_at=dates.get(sha)))
        return InputsReply(inputs=found, flake=flake.render(pins, self.applied, flake.Sources()))

    async def run(self) -> None:
        """Until cancelled. It ends before the agents' own work does, so that no job takes core's end for a failure."""
        async with alongside(self.approvals.run(), self.configs.run()):
            await self._build_what_is_not()
            await self.jobs.run()

    async def _build_what_is_not(self) -> None:
        """Agents from when the containers of this hive were stateless get their systems."""
        for agent in self.agents.all():
            if self.meta is not None and agent.system is None:
                details = {"config": agent.config_text, "sha": await self.configs.commit_of(agent.name)}
                await self.jobs.submit(Order(JobKind.REBUILD, agent.name, CORE, details=details))


def changes(
    database: Database,
    clock: Clock,
    *,
    state: StatePaths,
    sandbox: Sandbox,
    agents: Agents,
    broker: Broker,
    meta: Meta | None = None,
) -> Changes:
    """`meta` is given where agents' containers are built."""
    repositories = Repositories(sandbox, state, clock)
    configs = Configs(repositories, agents)
    approvals = Approvals(database, clock, announce=broker.announce, queued=lambda: jobs.queued())

    def ended(connection: sqlite3.Connection, entry: Entry, now_ms: int) -> Sequence[Message]:
        return [*approvals.job_ended(connection, entry, now_ms), *_told(connection, entry, now_ms)]

    systems = Systems(meta)
    lives = Lives(
        agents=agents, broker=broker, clock=clock, configs=configs, repositories=repositories, systems=systems
    )
    handlers: dict[JobKind, Handler] = {
        JobKind.REBUILD: Rebuild(agents=agents, configs=configs, repositories=repositories, systems=systems),
        **lives.handlers(),
    }
    if meta is not None:
        handlers[JobKind.UPDATE] = Update(agents=agents, broker=broker, configs=configs, meta=meta, systems=systems)
    jobs = Jobs(
        database,
        clock,
        handlers=handlers,
        begun=approvals.job_begun,
        ended=ended,
        announce=broker.announce,
    )
    proposals = Proposals(
        agents=agents,
        approvals=approvals,
        clock=clock,
        configs=configs,
        repositories=repositories,
        meta=meta,
        systems=systems,
    )
    return Changes(agents, approvals, configs, jobs, proposals, repositories, state.applied, meta)


def _told(connection: sqlite3.Connection, entry: Entry, now_ms: int) -> list[Message]:
    """A manager learns how what it did without an approval has ended."""
    job = entry.job
    if job.approval is not None or job.kind not in _PAST:
        return []
    if job.state is JobState.DONE:
        body = f"{job.agent} is {_PAST[job.kind]}, as you asked ({job.id})."
    else:
        body = f"{job.agent} could not be {_PAST[job.kind]} ({job.id}, {job.state}): {job.error}"
    return tell(connection, job_rows.askers(connection, job.id), body, f"{job.id}/{job.state}", now_ms)
