"""Accounts in words."""

from dataclasses import dataclass
from datetime import datetime

from hive_rpc.accounts import AccountKind, AccountState
from hive_rpc.interfaces.operator.accounts import AccountStatus

KIND_WORDS = {
    AccountKind.API_KEY: "API key",
    AccountKind.SETUP_TOKEN: "Setup token of a subscription",
    AccountKind.SUBSCRIPTION: "Subscription",
    AccountKind.STAND_IN: "Stand-in model",
}
STATE_WORDS = {
    AccountState.READY: "ready",
    AccountState.HELD: "limit reached",
    AccountState.NEEDS_LOGIN: "needs login",
}
_LIMIT_WORDS = {
    "five_hour": "5 hours",
    "seven_day": "7 days",
    "requests": "Requests",
    "input_tokens": "Input tokens",
    "output_tokens": "Output tokens",
    "tokens": "Tokens",
}


@dataclass(frozen=True)
class LimitView:
    words: str
    percent: int | None
    """Used; None where the API has not said."""
    resets_at: datetime | None
    tight: bool
    """The API warns of it, or refuses for it."""


@dataclass(frozen=True)
class AccountView:
    name: str
    kind: AccountKind
    kind_words: str
    state: AccountState
    state_words: str
    reason: str
    until: datetime | None
    base_url: str
    read_only: bool
    limits: tuple[LimitView, ...]
    agents: tuple[str, ...]


def account_view(status: AccountStatus) -> AccountView:
    account = status.account
    return AccountView(
        name=account.name,
        kind=account.kind,
        kind_words=KIND_WORDS[account.kind],
        state=account.state,
        state_words=STATE_WORDS[account.state],
        reason=account.reason or "",
        until=account.held_until,
        base_url=account.base_url or "",
        read_only=account.read_only,
        limits=tuple(
            LimitView(
                words=_LIMIT_WORDS.get(limit.name, limit.name.replace("_", " ")),
                percent=None if limit.utilization is None else min(100, round(100 * limit.utilization)),
                resets_at=limit.resets_at,
                tight=limit.status not in (None, "allowed"),
            )
            for limit in account.limits
        ),
        agents=tuple(status.agents),
    )
