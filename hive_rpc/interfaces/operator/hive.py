"""How the hive and its agents are."""

from hive_rpc.accounts import Hold
from hive_rpc.commands import AgentCommand, Effort
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import AgentState, ContainerState, Model, Role, Time, Turn


class HiveStatus(Model):
    name: str
    version: str
    since: Time
    stand_in: bool
    """No account is configured: the stand-in model answers."""
    model_backend: str
    """What answers the agents, in words for a person; empty while the gateway has not said."""
    gateway: bool
    """The gateway is connected."""
    healthy: bool
    """The gateway is connected, and no agent has failed or needs a login. What takes longer to see, `Doctor` says."""
    dashboard: str | None = None
    """The dashboard's address."""
    stopped: str | None = None
    """An operator has stopped everything: who, when, and why."""


class AgentStatus(Model):
    name: str
    state: AgentState
    since: Time
    reason: str | None = None
    until: Time | None = None
    container: ContainerState
    machine: str
    model: str | None = None
    effort: Effort | None = None
    """What an operator set; None is the model's own."""
    paused: bool = False
    """An operator wants no further turn; `state` is `paused` once none runs."""
    commands: list[AgentCommand] = []
    """Those that are queued, oldest first."""
    last_turn: Turn | None = None
    unread: int
    capabilities: list[str] = []
    created_at: Time
    note: str | None = None
    """What the agent says of itself, in a sentence."""
    note_at: Time | None = None


class StatusReply(Model):
    hive: HiveStatus
    agents: list[AgentStatus]
    cursor: int
    """The id of the newest event in the hive when this was read; watch from here. 0 when there is none."""
    holds: list[Hold] = []
    """What stands in the way of requests, as the gateway said last."""


class Check(Model):
    """One finding of `doctor`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class DoctorReply(Model):
    checks: list[Check]


class MetricsReply(Model):
    text: str
    """Prometheus' text format."""


class Methods:
    @rpc(Role.VIEWER)
    async def status(self, request: OperatorRequest) -> StatusReply:
        """The hive and each agent."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def doctor(self, request: OperatorRequest) -> DoctorReply:
        """Check everything that the hive needs, with a remedy for what is wrong."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def metrics(self, request: OperatorRequest) -> MetricsReply:
        """Core's counters. On `web.sock` also for the token that the machine's configuration gives for this alone."""
        raise NotImplementedError
