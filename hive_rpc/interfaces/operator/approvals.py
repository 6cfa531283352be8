"""What is asked of operators to decide."""

from hive_rpc.configuration import Approval, DiffBase, Sha
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Model, Role


class ApprovalsRequest(OperatorRequest):
    all: bool = False
    """Those that have ended too."""


class ApprovalsReply(Model):
    approvals: list[Approval]
    """Those that wait for a decision first, by age; then those under way; then the newest others. 200 at most."""


class ApprovalRequest(OperatorRequest):
    id: str
    against: DiffBase = DiffBase.RUNNING


class ApprovalReply(Model):
    approval: Approval
    config: str = ""
    """The `agent.toml` that is proposed."""
    diff: str = ""
    """A unified diff of the whole tree; empty when nothing differs or there is nothing to compare."""
    base: Sha | None = None
    """The commit that it is compared with; None is an empty tree."""
    warnings: list[str] = []
    """What a person should look at before anything else, in sentences."""


class DecideRequest(OperatorRequest):
    id: str
    note: str = ""


class OperatorApprovalReply(Model):
    approval: Approval


class Methods:
    @rpc(Role.VIEWER)
    async def approvals(self, request: ApprovalsRequest) -> ApprovalsReply:
        """What waits for a decision, and what was decided."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def show_approval(self, request: ApprovalRequest) -> ApprovalReply:
        """One of them, with the difference that it makes."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def approve(self, request: DecideRequest) -> OperatorApprovalReply:
        """Say yes; the job that carries it out is queued. `Conflict` when it was decided already."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def deny(self, request: DecideRequest) -> OperatorApprovalReply:
        """Say no, with a note for whoever asked."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def cancel_approval(self, request: DecideRequest) -> OperatorApprovalReply:
        """Take back what is not carried out yet, whether it was approved or not."""
        raise NotImplementedError
