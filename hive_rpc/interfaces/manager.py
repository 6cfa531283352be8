"""`org.hive.Manager`: what an agent with the capability `manager` may ask of core besides its own business.

A manager proposes and never decides: what changes the hive's shape waits for an operator. How each request ends comes
to it as a message from `hive`.
"""

from pydantic import Field

from hive_rpc.configuration import MAX_INPUTS, MAX_REASON, Approval, InputName, Sha
from hive_rpc.interface import Interface, rpc
from hive_rpc.logs import LogLine
from hive_rpc.types import AgentName, AgentState, Empty, Model, Time


class ManagedRequest(Model):
    name: AgentName


class RequestApplyRequest(ManagedRequest):
    sha: str
    """The full id of a commit in `/proposed/<name>`."""
    reason: str = Field(min_length=1, max_length=MAX_REASON)


class RequestSpawnRequest(RequestApplyRequest):
    """A new agent, with the configuration of this commit."""


class RequestDestroyRequest(ManagedRequest):
    reason: str = Field(min_length=1, max_length=MAX_REASON)


class RequestUpdateRequest(Model):
    inputs: list[InputName] = Field(default=[], max_length=MAX_INPUTS)
    """Of the meta flake, as `nixpkgs`; none means all that are no agent's configuration."""
    reason: str = Field(min_length=1, max_length=MAX_REASON)


class ManagerApprovalReply(Model):
    approval: Approval


class ManagedAgent(Model):
    name: str
    state: AgentState
    since: Time
    reason: str | None = None
    model: str | None = None
    capabilities: list[str] = []
    sha: Sha | None = None
    """The commit of the configuration that it runs with."""
    unread: int = 0


class ListAgentsReply(Model):
    agents: list[ManagedAgent]


class GetLogsRequest(ManagedRequest):
    lines: int = Field(default=50, ge=1, le=500)


class GetLogsReply(Model):
    lines: list[LogLine]


class ManagerApprovalsRequest(Model):
    all: bool = False
    """Those that have ended too."""


class ManagerApprovalsReply(Model):
    approvals: list[Approval]


class Manager(Interface, name="org.hive.Manager", sockets=["agents/<name>/core/core.sock", "harness.sock"]):
    """Only on the sockets of agents that have the capability."""

    @rpc()
    async def request_apply(self, request: RequestApplyRequest) -> ManagerApprovalReply:
        """Ask that an agent runs with another configuration."""
        raise NotImplementedError

    @rpc()
    async def request_spawn(self, request: RequestSpawnRequest) -> ManagerApprovalReply:
        """Ask for a new agent."""
        raise NotImplementedError

    @rpc()
    async def request_destroy(self, request: RequestDestroyRequest) -> ManagerApprovalReply:
        """Ask that an agent is taken out of the hive."""
        raise NotImplementedError

    @rpc()
    async def request_update(self, request: RequestUpdateRequest) -> ManagerApprovalReply:
        """Ask that every agent is built from what is new in the inputs of the meta flake."""
        raise NotImplementedError

    @rpc()
    async def restart(self, request: ManagedRequest) -> Empty:
        """Restart an agent; how that ends comes as a message."""
        raise NotImplementedError

    @rpc()
    async def stop(self, request: ManagedRequest) -> Empty:
        """Stop an agent; how that ends comes as a message."""
        raise NotImplementedError

    @rpc()
    async def start(self, request: ManagedRequest) -> Empty:
        """Start a stopped agent; how that ends comes as a message."""
        raise NotImplementedError

    @rpc()
    async def list_agents(self, request: Empty) -> ListAgentsReply:
        """Every agent and how it fares."""
        raise NotImplementedError

    @rpc()
    async def get_logs(self, request: GetLogsRequest) -> GetLogsReply:
        """The last lines of an agent's log."""
        raise NotImplementedError

    @rpc()
    async def approvals(self, request: ManagerApprovalsRequest) -> ManagerApprovalsReply:
        """What was asked for, and what was decided."""
        raise NotImplementedError
