"""Who may sign in, who is, and what was done."""

from pydantic import Field

from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import IdRequest, OperatorRequest
from hive_rpc.types import Empty, Model, Object, Role, Time


class InviteRequest(OperatorRequest):
    name: str
    """The operator's account; made if it is not there."""
    role: Role = Role.VIEWER
    """Of an account that is made; one that is there keeps its own."""


class InviteReply(Model):
    token: str
    """To be used once."""
    url: str | None = None
    expires_at: Time
    role: Role
    """The account's."""


class SetPasswordRequest(OperatorRequest):
    name: str
    new_password: str = Field(repr=False)


class TokenRequest(OperatorRequest):
    name: str
    """The operator's account, whose role the token has."""
    days: int = Field(default=365, ge=1, le=3650)


class TokenReply(Model):
    token: str = Field(repr=False)
    """Shown once. It is a session's: for programs, as `Authorization: Bearer`, where they read."""
    expires_at: Time


class SetRoleRequest(OperatorRequest):
    name: str
    role: Role


class OperatorNameRequest(OperatorRequest):
    name: str


class ChangePasswordRequest(OperatorRequest):
    new_password: str = Field(repr=False)


class SignedInSession(Model):
    """Somebody's session on the dashboard. Its token is nobody's to see."""

    id: str
    operator: str
    means: str
    """`invitation`, `password`, or `token` for a program's."""
    address: str
    """Where the browser was when it signed in."""
    created_at: Time
    seen_at: Time
    """Last used, to the minute."""
    expires_at: Time
    current: bool
    """The one that asks."""


class SessionsReply(Model):
    sessions: list[SignedInSession]
    """Last used first."""


class OperatorAccount(Model):
    name: str
    role: Role
    has_password: bool
    created_at: Time


class OperatorsReply(Model):
    operators: list[OperatorAccount]


class AuditRequest(OperatorRequest):
    before: int | None = None
    limit: int = 100


class AuditRow(Model):
    id: int
    at: Time
    who: str
    via: str
    """The socket: `operator.sock`, `web.sock`, an agent's `core.sock`, or `core` itself."""
    action: str
    target: str
    outcome: str
    details: Object = {}


class AuditReply(Model):
    rows: list[AuditRow]
    """Newest first."""


class Methods:
    @rpc(Role.ADMIN, confirmed=True)
    async def invite(self, request: InviteRequest) -> InviteReply:
        """Make a one-time sign-in link."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def set_password(self, request: SetPasswordRequest) -> Empty:
        """Set an operator's password; the account must exist."""
        raise NotImplementedError

    @rpc(Role.ADMIN)
    async def operators(self, request: OperatorRequest) -> OperatorsReply:
        """Who may sign in."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def create_token(self, request: TokenRequest) -> TokenReply:
        """Make a session for a program, which does not fall idle; it is listed and ended like any other."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def set_role(self, request: SetRoleRequest) -> Empty:
        """Give an operator another role and end their sessions. `Conflict` for the last admin."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def remove_operator(self, request: OperatorNameRequest) -> Empty:
        """Remove an operator with their sessions and invitations. `Conflict` for the last admin."""
        raise NotImplementedError

    @rpc(Role.VIEWER, confirmed=True)
    async def change_password(self, request: ChangePasswordRequest) -> Empty:
        """Change one's own password; one's other sessions end."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def sessions(self, request: OperatorRequest) -> SessionsReply:
        """One's own sessions on the dashboard; everybody's for an admin."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def revoke_session(self, request: IdRequest) -> Empty:
        """End a session of one's own, or as an admin anybody's; its live streams end with it."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def audit(self, request: AuditRequest) -> AuditReply:
        """Who changed what, newest first."""
        raise NotImplementedError
