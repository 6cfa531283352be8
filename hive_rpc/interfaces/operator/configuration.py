"""What agents run with, and what they are built from."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hive_rpc.configuration import MAX_INPUTS, MAX_REASON, Commit, InputName, Sha
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.approvals import OperatorApprovalReply
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_rpc.types import AgentName, Model, Role, Time


class ConfigReply(Model):
    agent: AgentName
    config: str
    """The `agent.toml` that it runs with."""
    sha: Sha | None = None
    """Its commit; None while the agent's repository is being made."""


class ConfigLogReply(Model):
    commits: list[Commit]
    """Newest first."""


class ConfigDiffRequest(OperatorRequest):
    name: AgentName
    old: Sha
    new: Sha


class ConfigDiffReply(Model):
    diff: str


RUNNING = "running"
"""In place of a commit: the one that the agent runs with."""


class ReadAgentConfigRequest(OperatorRequest):
    agent: AgentName
    ref: Annotated[str, StringConstraints(pattern=rf"^([0-9a-f]{{40}}|{RUNNING})$")] = RUNNING
    """A commit that was proposed or applied, by its full id."""
    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+/-]*$", max_length=500)] = "agent.toml"
    """As the commit's tree names it; nothing is resolved."""


class ReadAgentConfigReply(Model):
    sha: Sha
    path: str
    text: str
    """At most 256 KiB."""


class EditConfigRequest(OperatorRequest):
    """An operator's own proposal: it takes the same way as a manager's, and is approved like any other."""

    name: AgentName
    config: str
    """The whole `agent.toml`."""
    base: Sha | None = None
    """The commit that was edited; `Conflict` when the agent runs another one by now."""
    reason: str = ""


class Input(Model):
    """An input of the meta flake."""

    name: str
    url: str
    revision: str | None = None
    """None where it is not locked."""
    modified_at: Time | None = None


class InputsReply(Model):
    inputs: list[Input]
    flake: str
    """The text of the meta flake."""


class UpdateInputsRequest(OperatorRequest):
    inputs: list[InputName] = Field(default=[], max_length=MAX_INPUTS)
    """Of the meta flake, as `nixpkgs`; none means all that are no agent's configuration."""
    reason: str = Field(default="", max_length=MAX_REASON)


class Methods:
    @rpc(Role.VIEWER)
    async def config(self, request: AgentRequest) -> ConfigReply:
        """What an agent runs with."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def read_agent_config(self, request: ReadAgentConfigRequest) -> ReadAgentConfigReply:
        """One file of an agent's configuration at a commit. `NotFound` when there is no such file or commit."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def config_log(self, request: AgentRequest) -> ConfigLogReply:
        """The commits of an agent's configuration, and what became of each."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def config_diff(self, request: ConfigDiffRequest) -> ConfigDiffReply:
        """What differs between two commits of an agent's configuration."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def edit_config(self, request: EditConfigRequest) -> OperatorApprovalReply:
        """Propose another `agent.toml`; approve it to have it run."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def inputs(self, request: OperatorRequest) -> InputsReply:
        """What the meta flake pins."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def update_inputs(self, request: UpdateInputsRequest) -> OperatorApprovalReply:
        """Look for what is new in inputs, and ask that every agent is built from it: it waits for an approval like any
        other. `Conflict` when nothing is new."""
        raise NotImplementedError
