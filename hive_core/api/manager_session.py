"""`org.hive.Manager` as core answers it, on the sockets of agents that have the capability."""

from hive_core.agents.agents import Agents
from hive_core.approvals.telling import AGENT_SOCKET
from hive_core.broker import Broker
from hive_core.deploys.changes import Changes
from hive_core.jobs import Order
from hive_core.logs.journal import Journal
from hive_core.operators.audit import Actor
from hive_rpc.configuration import JobKind
from hive_rpc.errors import ConflictError
from hive_rpc.interfaces.manager import (
    GetLogsReply,
    GetLogsRequest,
    ListAgentsReply,
    ManagedAgent,
    ManagedRequest,
    Manager,
    ManagerApprovalReply,
    ManagerApprovalsReply,
    ManagerApprovalsRequest,
    RequestApplyRequest,
    RequestDestroyRequest,
    RequestSpawnRequest,
    RequestUpdateRequest,
)
from hive_rpc.types import Empty


class ManagerSession(Manager):
    """Acts for the agent `name`."""

    def __init__(self, name: str, *, agents: Agents, broker: Broker, changes: Changes, journal: Journal) -> None:
        self._name = name
        self._actor = Actor(name, AGENT_SOCKET)
        self._agents = agents
        self._broker = broker
        self._changes = changes
        self._journal = journal

    async def request_apply(self, request: RequestApplyRequest) -> ManagerApprovalReply:
        asked = await self._changes.proposals.apply(self._actor, request.name, request.sha, request.reason)
        return ManagerApprovalReply(approval=asked)

    async def request_spawn(self, request: RequestSpawnRequest) -> ManagerApprovalReply:
        asked = await self._changes.proposals.spawn(self._actor, request.name, request.sha, request.reason)
        return ManagerApprovalReply(approval=asked)

    async def request_destroy(self, request: RequestDestroyRequest) -> ManagerApprovalReply:
        asked = await self._changes.proposals.destroy(self._actor, request.name, request.reason)
        return ManagerApprovalReply(approval=asked)

    async def request_update(self, request: RequestUpdateRequest) -> ManagerApprovalReply:
        asked = await self._changes.proposals.update(self._actor, request.inputs, request.reason)
        return ManagerApprovalReply(approval=asked)

    async def restart(self, request: ManagedRequest) -> Empty:
        return await self._queue(JobKind.RESTART, request.name)

    async def stop(self, request: ManagedRequest) -> Empty:
        if request.name == self._name:
            raise ConflictError("You would stop yourself, and could not start again.", hint="Restart yourself.")
        return await self._queue(JobKind.STOP, request.name)

    async def start(self, request: ManagedRequest) -> Empty:
        return await self._queue(JobKind.START, request.name)

    async def list_agents(self, request: Empty) -> ListAgentsReply:
        unread = await self._broker.unread_counts()
        return ListAgentsReply(
            agents=[
                ManagedAgent(
                    name=a.name,
                    state=a.state,
                    since=a.since,
                    reason=a.reason,
                    model=a.model or a.config.model,
                    capabilities=sorted(a.config.capabilities),
                    sha=a.sha,
                    unread=unread.get(a.name, 0),
                )
                for a in self._agents.all()
            ]
        )

    async def get_logs(self, request: GetLogsRequest) -> GetLogsReply:
        machine = self._agents.get(request.name).machine
        return GetLogsReply(lines=await self._journal.tail(machine, request.lines))

    async def approvals(self, request: ManagerApprovalsRequest) -> ManagerApprovalsReply:
        return ManagerApprovalsReply(approvals=await self._changes.approvals.page(everything=request.all))

    async def _queue(self, kind: JobKind, name: str) -> Empty:
        self._agents.get(name)
        await self._changes.jobs.submit(Order(kind, name, self._actor))
        return Empty()
