"""`org.hive.Gateway`: what the gateway asks of core, on core's `gateway.sock`. The gateway dials; core never does.

What core wants of the gateway is an *errand*: core hands it out on a stream, the gateway says how it went.
"""

from collections.abc import AsyncIterator
from enum import StrEnum

from pydantic import Field

from hive_rpc.accounts import Account, AccountKind, Caps, EgressEntry, Hold, Raise, ScopedCaps, Spend
from hive_rpc.interface import Interface, rpc
from hive_rpc.types import Empty, Model, Time

PLACEHOLDER_API_KEY = "sk-ant-api03-hive-placeholder"
"""What the CLI in a container has as ANTHROPIC_API_KEY. The gateway refuses any other credential, so that a real
one that found its way into a container shows at once, and puts the account's own in its place."""
PLACEHOLDER_TOKEN = "sk-ant-oat01-hive-placeholder"  # noqa: S105 - what stands in its place
"""The same as CLAUDE_CODE_OAUTH_TOKEN, for an account that is a subscription: the CLI then tells when limits end."""


class TurnMark(Model):
    """The turn that an agent is in, as its harness said. Requests since `started_at` are that turn's."""

    id: str
    started_at: Time


class GatewayAgent(Model):
    name: str
    directory: str
    """An existing directory that belongs to the gateway; it listens there on `gateway.sock` and `egress.sock`."""
    account: str | None = None
    """None is the default account."""
    models: list[str] = []
    """The only models that it may ask for, by name or as a pattern with `*`; empty is any."""
    caps: Caps = Caps()
    egress: list[str] = []
    """What it may connect to, as `host:port`, `*.host:port` or `address:port`; empty is nothing."""
    turn: TurnMark | None = None


class AgentsReply(Model):
    agents: list[GatewayAgent]
    """All of them; one that is missing since the last reply is gone."""
    caps: list[ScopedCaps] = []
    """Of the hive and of accounts."""
    raises: list[Raise] = []
    stopped: str | None = None
    """An operator has stopped everything, and this is what is said of it."""


class ReportAccountsRequest(Model):
    """All there is to know at this moment, in place of what was reported before."""

    accounts: list[Account]
    holds: list[Hold]


class ErrandKind(StrEnum):
    """What core wants done; the field of the same name has the particulars, where there are any."""

    ADD_ACCOUNT = "add_account"
    REMOVE_ACCOUNT = "remove_account"
    BEGIN_LOGIN = "begin_login"
    FINISH_LOGIN = "finish_login"
    SPENDING = "spending"
    EGRESS_LOG = "egress_log"
    TRY_ACCOUNT = "try_account"


class NewAccount(Model):
    name: str
    kind: AccountKind
    secret: str = Field(default="", repr=False)
    base_url: str | None = None


class LoginCode(Model):
    login: str
    code: str = Field(repr=False)


class EgressQuery(Model):
    agent: str | None = None
    before: int | None = None
    limit: int = 100


class Trial(Model):
    """An operator wants an agent to try whether a hold of its account is still true."""

    account: str
    agent: str


class Errand(Model):
    id: str
    kind: ErrandKind
    add_account: NewAccount | None = None
    remove_account: str | None = None
    """The account's name."""
    begin_login: str | None = None
    """The account's name."""
    finish_login: LoginCode | None = None
    egress_log: EgressQuery | None = None
    try_account: Trial | None = None


class Login(Model):
    """An interactive login under way: whoever opens the address and agrees gets a code to hand back."""

    id: str
    address: str
    expires_at: Time


class ErrandError(Model):
    name: str
    """The error's Varlink name."""
    message: str
    hint: str = ""


class FinishErrandRequest(Model):
    id: str
    error: ErrandError | None = None
    login: Login | None = None
    spending: list[Spend] = []
    egress_log: list[EgressEntry] = []


class ReportBackendRequest(Model):
    stand_in: bool
    description: str
    """What answers the agents, in words for a person; never anything secret."""


class Gateway(Interface, name="org.hive.Gateway", sockets=["gateway.sock"]):
    """The gateway."""

    @rpc()
    def agents(self, request: Empty) -> AsyncIterator[AgentsReply]:
        """The agents now, and again at each change."""
        raise NotImplementedError

    @rpc()
    async def report_backend(self, request: ReportBackendRequest) -> Empty:
        """Say what answers the agents' requests; holds as long as this connection."""
        raise NotImplementedError

    @rpc()
    async def report_accounts(self, request: ReportAccountsRequest) -> Empty:
        """Say which accounts there are, how they fare, and what is held."""
        raise NotImplementedError

    @rpc()
    def errands(self, request: Empty) -> AsyncIterator[Errand]:
        """What core wants done, until the connection ends. An errand may carry a secret: it is never stored."""
        raise NotImplementedError

    @rpc()
    async def finish_errand(self, request: FinishErrandRequest) -> Empty:
        """Say how an errand went."""
        raise NotImplementedError
