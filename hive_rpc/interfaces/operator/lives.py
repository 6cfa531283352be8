"""Making, starting, stopping and commanding agents."""

from pydantic import Field

from hive_rpc.commands import AgentCommand, AgentCommandKind
from hive_rpc.configuration import Tombstone
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_rpc.types import AgentName, Empty, Model, Role


class SpawnRequest(OperatorRequest):
    name: AgentName
    config: str | None = None
    """The text of an `agent.toml`; None is the default worker."""


class CommandAgentRequest(OperatorRequest):
    name: AgentName
    kind: AgentCommandKind
    value: str | None = Field(default=None, min_length=1, max_length=200)
    """For `model` and `effort`."""


class CommandAgentReply(Model):
    command: AgentCommand


class AgentCommandsRequest(OperatorRequest):
    name: AgentName
    limit: int = Field(default=20, ge=1, le=100)


class AgentCommandsReply(Model):
    commands: list[AgentCommand]
    """Newest first."""


class TombstonesReply(Model):
    tombstones: list[Tombstone]


class Methods:
    @rpc(Role.OPERATOR)
    async def spawn(self, request: SpawnRequest) -> Empty:
        """Create an agent and boot it; returns when its harness has said hello. Its first turn follows by itself."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def start(self, request: AgentRequest) -> Empty:
        """Boot a stopped or failed agent; returns when its harness has said hello."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def stop(self, request: AgentRequest) -> Empty:
        """Drain an agent and stop its container."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def restart(self, request: AgentRequest) -> Empty:
        """Stop, then start."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def command_agent(self, request: CommandAgentRequest) -> CommandAgentReply:
        """Command an agent while a turn runs or while none does: cancel, compact, new session, model, effort, pause,
        resume, wake. It returns when the command is queued; asking again while it is gives the same one. `Conflict`
        says why it makes no sense now."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def agent_commands(self, request: AgentCommandsRequest) -> AgentCommandsReply:
        """The latest commands to an agent, queued and ended."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def destroy(self, request: AgentRequest) -> Empty:
        """Stop an agent and take it out of the hive. Its files are kept, and it can be revived."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def purge(self, request: AgentRequest) -> Empty:
        """Destroy an agent, if it was not before, and delete its files for good."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def tombstones(self, request: OperatorRequest) -> TombstonesReply:
        """Destroyed agents that can be revived."""
        raise NotImplementedError

    @rpc(Role.ADMIN)
    async def revive(self, request: AgentRequest) -> Empty:
        """Bring a destroyed agent back with its files and the configuration that it ran with."""
        raise NotImplementedError
