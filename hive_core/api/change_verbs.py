"""The part of the operators' interface that is about agents' lives and configurations."""

from hive_base.ids import new_id
from hive_core.agents.models import Desired
from hive_core.agents.names import checked_name
from hive_core.configs.configs import files_of
from hive_core.deploys.changes import Changes
from hive_core.deploys.lives import PURGE
from hive_core.deploys.proposals import check
from hive_core.deploys.waves import told, waves
from hive_core.jobs import Order
from hive_core.operators.audit import Actor
from hive_rpc.configuration import JobKind
from hive_rpc.errors import ConflictError, NotFoundError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.approvals import (
    ApprovalReply,
    ApprovalRequest,
    ApprovalsReply,
    ApprovalsRequest,
    DecideRequest,
    OperatorApprovalReply,
)
from hive_rpc.interfaces.operator.configuration import (
    RUNNING,
    ConfigDiffReply,
    ConfigDiffRequest,
    ConfigLogReply,
    ConfigReply,
    EditConfigRequest,
    InputsReply,
    ReadAgentConfigReply,
    ReadAgentConfigRequest,
    UpdateInputsRequest,
)
from hive_rpc.interfaces.operator.jobs import JobReply, JobsReply, JobsRequest, RestartAllRequest
from hive_rpc.interfaces.operator.lives import SpawnRequest, TombstonesReply
from hive_rpc.interfaces.operator.request import AgentRequest, IdRequest, OperatorRequest
from hive_rpc.types import Empty


class OperatorChanges(Operator):
    """Acts for `actor`."""

    def __init__(self, changes: Changes, actor: Actor) -> None:
        self._changes = changes
        self._by = actor

    async def spawn(self, request: SpawnRequest) -> Empty:
        if checked_name(request.name) in self._changes.agents.live_names():
            raise ConflictError(
                f"There is an agent {request.name} already.", hint="Choose another name, or destroy it first."
            )
        details = {}
        if request.config is not None:
            check(files_of(request.config), built=self._changes.meta is not None)
            details["config"] = request.config
        await self._changes.jobs.do(Order(JobKind.SPAWN, request.name, self._by, details=details))
        return Empty()

    async def start(self, request: AgentRequest) -> Empty:
        return await self._do(JobKind.START, request.name)

    async def stop(self, request: AgentRequest) -> Empty:
        return await self._do(JobKind.STOP, request.name)

    async def restart(self, request: AgentRequest) -> Empty:
        return await self._do(JobKind.RESTART, request.name)

    async def destroy(self, request: AgentRequest) -> Empty:
        return await self._do(JobKind.DESTROY, request.name)

    async def purge(self, request: AgentRequest) -> Empty:
        if request.name not in self._changes.agents.live_names():
            # Of one that was destroyed before, the files are left.
            await self._changes.agents.buried_config(request.name)
        await self._changes.jobs.do(Order(JobKind.DESTROY, request.name, self._by, details={PURGE: "yes"}))
        return Empty()

    async def revive(self, request: AgentRequest) -> Empty:
        if request.name in self._changes.agents.live_names():
            raise ConflictError(f"There is an agent {request.name}.", hint="Only destroyed ones can be revived.")
        config, sha = await self._changes.agents.buried_config(request.name)
        details = {"config": config} | ({"sha": sha} if sha else {})
        await self._changes.jobs.do(Order(JobKind.SPAWN, request.name, self._by, details=details))
        return Empty()

    async def restart_all(self, request: RestartAllRequest) -> JobsReply:
        running = [a for a in self._changes.agents.all() if a.desired is Desired.RUNNING]
        batch = new_id("bat")
        orders = [
            Order(
                JobKind.RESTART,
                agent.name,
                self._by,
                details={"told": told(agent, running, request.reason)},
                batch=batch,
                wave=number,
            )
            for number, wave in enumerate(waves(running))
            for agent in wave
        ]
        return JobsReply(jobs=await self._changes.jobs.submit(*orders))

    async def tombstones(self, request: OperatorRequest) -> TombstonesReply:
        return TombstonesReply(tombstones=await self._changes.agents.tombstones())

    async def approvals(self, request: ApprovalsRequest) -> ApprovalsReply:
        return ApprovalsReply(approvals=await self._changes.approvals.page(everything=request.all))

    async def show_approval(self, request: ApprovalRequest) -> ApprovalReply:
        asked = await self._changes.approvals.get(request.id)
        base = await self._changes.proposals.base(asked, request.against)
        return ApprovalReply(
            approval=asked,
            config=await self._changes.approvals.config(request.id) if asked.sha is not None else "",
            diff=await self._changes.proposals.diff(asked, base),
            base=base,
            warnings=await self._changes.proposals.warnings(asked),
        )

    async def approve(self, request: DecideRequest) -> OperatorApprovalReply:
        approved = await self._changes.proposals.approve(self._by, request.id, request.note)
        return OperatorApprovalReply(approval=approved)

    async def deny(self, request: DecideRequest) -> OperatorApprovalReply:
        return OperatorApprovalReply(approval=await self._changes.proposals.deny(self._by, request.id, request.note))

    async def cancel_approval(self, request: DecideRequest) -> OperatorApprovalReply:
        asked = await self._changes.approvals.get(request.id)
        if asked.job is not None:
            await self._changes.jobs.cancel(asked.job, self._by)
            return OperatorApprovalReply(approval=await self._changes.approvals.get(request.id))
        withdrawn = await self._changes.approvals.withdraw(self._by, request.id, request.note)
        return OperatorApprovalReply(approval=withdrawn)

    async def jobs(self, request: JobsRequest) -> JobsReply:
        return JobsReply(jobs=await self._changes.jobs.page(request.agent, request.limit))

    async def show_job(self, request: IdRequest) -> JobReply:
        job, log = await self._changes.jobs.get(request.id)
        return JobReply(job=job, log=log)

    async def await_job(self, request: IdRequest) -> JobReply:
        job, log = await self._changes.jobs.wait(request.id)
        return JobReply(job=job, log=log)

    async def cancel_job(self, request: IdRequest) -> JobReply:
        job, log = await self._changes.jobs.cancel(request.id, self._by)
        return JobReply(job=job, log=log)

    async def config(self, request: AgentRequest) -> ConfigReply:
        sha = await self._changes.configs.commit_of(request.name)
        return ConfigReply(agent=request.name, config=self._changes.agents.get(request.name).config_text, sha=sha)

    async def read_agent_config(self, request: ReadAgentConfigRequest) -> ReadAgentConfigReply:
        running = await self._changes.configs.commit_of(request.agent)
        sha = running if request.ref == RUNNING else request.ref
        text = await self._changes.repositories.show(request.agent, sha, request.path)
        if text is None:
            raise NotFoundError(
                "The agent's configuration has no such file at that commit.",
                hint="`hive config NAME log` lists the commits.",
            )
        return ReadAgentConfigReply(sha=sha, path=request.path, text=text)

    async def config_log(self, request: AgentRequest) -> ConfigLogReply:
        await self._changes.configs.commit_of(request.name)
        return ConfigLogReply(commits=await self._changes.repositories.log(request.name))

    async def config_diff(self, request: ConfigDiffRequest) -> ConfigDiffReply:
        self._changes.agents.get(request.name)
        return ConfigDiffReply(diff=await self._changes.repositories.diff(request.name, request.old, request.new))

    async def edit_config(self, request: EditConfigRequest) -> OperatorApprovalReply:
        asked = await self._changes.proposals.edit(self._by, request.name, request.config, request.base, request.reason)
        return OperatorApprovalReply(approval=asked)

    async def inputs(self, request: OperatorRequest) -> InputsReply:
        return await self._changes.inputs()

    async def update_inputs(self, request: UpdateInputsRequest) -> OperatorApprovalReply:
        asked = await self._changes.proposals.update(self._by, request.inputs, request.reason)
        return OperatorApprovalReply(approval=asked)

    async def _do(self, kind: JobKind, name: str) -> Empty:
        self._changes.agents.get(name)
        await self._changes.jobs.do(Order(kind, name, self._by))
        return Empty()
