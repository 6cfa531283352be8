"""Accounts, what they and the agents may spend, and what stands in the way of a request.

Shared by `org.hive.Gateway`, `org.hive.Operator` and `org.hive.Agent`, so that all see the same thing.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from hive_rpc.types import Model, Seconds, Time

DEFAULT_ACCOUNT = "default"
"""The account of agents whose `agent.toml` names none. While there is none of that name the stand-in answers."""

MAX_ACCOUNT_NAME = 40
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z](?:-?[a-z0-9])*$", max_length=MAX_ACCOUNT_NAME)]
"""Lower-case letters, digits and single hyphens, beginning with a letter, 40 characters at most."""


class AccountKind(StrEnum):
    """What an account authenticates with."""

    API_KEY = "api_key"
    SETUP_TOKEN = "setup_token"  # noqa: S105 - a kind, not a token
    """A subscription's long-lived token, from `claude setup-token`."""
    SUBSCRIPTION = "subscription"
    """A subscription's short-lived token with the one that renews it, from an interactive login."""
    STAND_IN = "stand_in"

    @property
    def subscription(self) -> bool:
        """The CLI is to be given a subscription's dummy token, and sends it as a bearer token."""
        return self in {AccountKind.SETUP_TOKEN, AccountKind.SUBSCRIPTION}


class AccountState(StrEnum):
    READY = "ready"
    HELD = "held"
    """A limit of the account is reached: no request goes out before `held_until`."""
    NEEDS_LOGIN = "needs_login"
    """The API refuses its credential."""


class LimitWindow(Model):
    """One of an account's limits, as the API's answers last told it."""

    name: str
    """`five_hour`, `seven_day`, `requests`, `input_tokens`, `output_tokens`, `tokens`."""
    utilization: float | None = None
    """From 0 to 1."""
    resets_at: Time | None = None
    status: str | None = None
    """In the API's words: `allowed`, `allowed_warning`, `rejected`."""


class Account(Model):
    """An account as everybody but the gateway knows it: without its secret."""

    name: str
    kind: AccountKind
    base_url: str | None = None
    """None is Anthropic's own API, or no address at all for the stand-in."""
    read_only: bool = False
    """It came as a systemd credential and is managed where that comes from."""
    state: AccountState = AccountState.READY
    reason: str | None = None
    held_until: Time | None = None
    limits: list[LimitWindow] = []


class Caps(Model):
    """What may be spent at most. None is no cap. An hour and a day are those of the clock, in UTC."""

    # Not by attribute docstrings: reading them costs a harness memory.
    turn_usd: Annotated[float | None, Field(ge=0, allow_inf_nan=False, description="Dollars in one turn.")] = None
    turn_tokens: Annotated[int | None, Field(ge=0, description="Tokens of every kind in one turn.")] = None
    hour_usd: Annotated[float | None, Field(ge=0, allow_inf_nan=False, description="Dollars in an hour.")] = None
    hour_tokens: Annotated[int | None, Field(ge=0, description="Tokens in an hour.")] = None
    day_usd: Annotated[float | None, Field(ge=0, allow_inf_nan=False, description="Dollars in a day.")] = None
    day_tokens: Annotated[int | None, Field(ge=0, description="Tokens in a day.")] = None


class Scope(StrEnum):
    """Whose spending a cap or a hold is about."""

    HIVE = "hive"
    ACCOUNT = "account"
    AGENT = "agent"


class Raise(Model):
    """So much more than the caps of the hour and of the day say, until the end of a day (UTC)."""

    scope: Scope
    name: str = ""
    until: Time
    usd: float = 0
    tokens: int = 0


class ScopedCaps(Model):
    """The caps of the hive (its name is empty), of an account or of an agent."""

    scope: Scope
    name: str = ""
    caps: Caps


class Spend(Model):
    """What was spent in this hour and on this day (UTC), as the gateway metered it. Tokens are of every kind."""

    scope: Scope
    name: str = ""
    hour_usd: float = 0
    hour_tokens: int = 0
    day_usd: float = 0
    day_tokens: int = 0
    requests: int = 0
    """Of the day."""


class HoldKind(StrEnum):
    """Why no request goes out."""

    LIMIT = "limit"
    """The account's own limit."""
    CAP = "cap"
    """A cap of the operator's."""
    STOPPED = "stopped"
    """An operator has stopped everything."""
    LOGIN = "login"
    """The account's credential is refused."""


class Hold(Model):
    """While it holds the gateway answers requests itself, so that nothing is spent on finding out."""

    kind: HoldKind
    scope: Scope
    name: str = ""
    reason: str
    """For a person."""
    until: Time | None = None
    """None is until an operator does something."""


class Verdict(StrEnum):
    """What became of a connection that an agent asked for."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"
    """It was allowed, and the other end could not be reached."""


class EgressEntry(Model):
    """One connection of an agent's to the outside, when it ended or was refused."""

    id: int
    at: Time
    agent: str
    host: str
    port: int
    verdict: Verdict
    detail: str = ""
    address: str | None = None
    """The address that was connected to."""
    sent: int = 0
    received: int = 0
    """Bytes."""
    seconds: Seconds = 0
