"""What is spent and what may be, and where agents connect to."""

from pydantic import Field

from hive_rpc.accounts import Caps, EgressEntry, Hold, Raise, Scope, ScopedCaps, Spend
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Empty, Model, Role


class SpendingReply(Model):
    spending: list[Spend]
    """Of the hive, of each account and of each agent that spent something today."""
    caps: list[ScopedCaps]
    """Every cap that is set."""
    raises: list[Raise]
    """Those that hold today."""
    holds: list[Hold]
    stopped: str | None = None


class SetCapsRequest(OperatorRequest):
    """The caps of the hive or of an account; an agent's are in its `agent.toml`."""

    scope: Scope
    name: str = ""
    caps: Caps


class RaiseCapRequest(OperatorRequest):
    """Let somebody spend more until the end of the day (UTC)."""

    scope: Scope
    name: str = ""
    usd: float = Field(default=0, ge=0, allow_inf_nan=False)
    tokens: int = Field(default=0, ge=0)


class StopAllRequest(OperatorRequest):
    reason: str = Field(default="", max_length=200)


class EgressLogRequest(OperatorRequest):
    agent: str | None = None
    before: int | None = None
    """Older than this entry."""
    limit: int = 100


class EgressLogReply(Model):
    entries: list[EgressEntry]
    """Newest first."""


class Methods:
    @rpc(Role.VIEWER)
    async def spending(self, request: OperatorRequest) -> SpendingReply:
        """What was spent, what may be, and what is held."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def set_caps(self, request: SetCapsRequest) -> Empty:
        """Set the caps of the hive or of an account, all of them."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def raise_cap(self, request: RaiseCapRequest) -> Empty:
        """Raise the caps of the hour and the day until the end of today; raises of the same day add up."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def stop_all(self, request: StopAllRequest) -> Empty:
        """Refuse every request to a model and every connection to the outside, for all agents, until undone."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def resume_all(self, request: OperatorRequest) -> Empty:
        """Undo `StopAll`."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def egress_log(self, request: EgressLogRequest) -> EgressLogReply:
        """Connections of agents to the outside, newest first."""
        raise NotImplementedError
