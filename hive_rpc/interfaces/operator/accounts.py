"""The accounts with which models are asked, and which agent uses which."""

from pydantic import Field

from hive_rpc.accounts import Account, AccountKind, AccountName
from hive_rpc.interface import rpc
from hive_rpc.interfaces.gateway import Login
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import AgentName, Empty, Model, Role


class AccountStatus(Model):
    account: Account
    agents: list[str]
    """Those that use it."""


class AccountsReply(Model):
    accounts: list[AccountStatus]


class AddAccountRequest(OperatorRequest):
    name: AccountName
    kind: AccountKind
    secret: str = Field(default="", repr=False)
    """The key or the token alone. Core passes it on to the gateway and keeps nothing of it."""
    base_url: str | None = None
    """For another provider with the same API; https, or http on a loopback address."""


class AccountRequest(OperatorRequest):
    name: AccountName


class UseAccountRequest(OperatorRequest):
    agent: AgentName
    account: AccountName | None = None
    """None is what `agent.toml` says, or else the default account."""


class LoginReply(Model):
    login: Login


class FinishLoginRequest(OperatorRequest):
    login: str
    code: str = Field(repr=False)


class Methods:
    @rpc(Role.VIEWER)
    async def accounts(self, request: OperatorRequest) -> AccountsReply:
        """The accounts, how they fare, and who uses them."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def add_account(self, request: AddAccountRequest) -> Empty:
        """Add an account, or give one a new secret: requests that begin afterwards use it."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def remove_account(self, request: AccountRequest) -> Empty:
        """Forget an account. `Conflict` while agents use it."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def use_account(self, request: UseAccountRequest) -> Empty:
        """Have an agent use another account than its `agent.toml` says."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def begin_login(self, request: AccountRequest) -> LoginReply:
        """Begin an interactive login; the address is for the account's owner."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def finish_login(self, request: FinishLoginRequest) -> Empty:
        """End a login with the code that its address gave."""
        raise NotImplementedError
