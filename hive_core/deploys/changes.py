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
from hive_core.jobs import Jobs
from hive_core.jobs import rows as job_rows
from hive_core.jobs.rows import Entry
from hive_core.meta import flake
from hive_core.store import Database
from hive_rpc.configuration import JobKind, JobState
from hive_rpc.interfaces.operator import Input, InputsReply
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

    async def inputs(self) -> InputsReply:
        """What the meta flake of these agents has as inputs. Of stateless ones nothing is built from it."""
        found = []
        for agent in self.agents.all():
            sha = await self.configs.commit_of(agent.name)
            dates = {commit.sha: commit.at for commit in await self.repositories.log(agent.name)}
            where = flake.url(self.applied, agent.name)
            found.append(Input(name=f"{flake.PREFIX}{agent.name}", url=where, revision=sha, modified_at=dates.get(sha)))
        text = flake.render([agent.name for agent in self.agents.all()], self.applied, flake.Sources())
        return InputsReply(inputs=found, flake=text)

    async def run(self) -> None:
        """Until cancelled. It ends before the agents' own work does, so that no job takes core's end for a failure."""
        async with alongside(self.approvals.run(), self.configs.run()):
            await self.jobs.run()


def changes(
    database: Database, clock: Clock, *, state: StatePaths, sandbox: Sandbox, agents: Agents, broker: Broker
) -> Changes:
    repositories = Repositories(sandbox, state, clock)
    configs = Configs(repositories, agents)
    approvals = Approvals(database, clock, announce=broker.announce, queued=lambda: jobs.queued())

    def ended(connection: sqlite3.Connection, entry: Entry, now_ms: int) -> Sequence[Message]:
        return [*approvals.job_ended(connection, entry, now_ms), *_told(connection, entry, now_ms)]

    jobs = Jobs(
        database,
        clock,
        handlers={
            JobKind.REBUILD: Rebuild(agents=agents, configs=configs, repositories=repositories),
            **Lives(agents=agents, broker=broker, configs=configs, repositories=repositories).handlers(),
        },
        begun=approvals.job_begun,
        ended=ended,
        announce=broker.announce,
    )
    proposals = Proposals(agents=agents, approvals=approvals, configs=configs, repositories=repositories)
    return Changes(agents, approvals, configs, jobs, proposals, repositories, state.applied)


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
