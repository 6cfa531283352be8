"""What was spent beside what may be: of the hive, of each account, of each agent."""

from collections.abc import Sequence
from dataclasses import dataclass

from hive_rpc.accounts import Caps, Hold, HoldKind, Raise, Scope, ScopedCaps, Spend
from hive_rpc.interfaces.operator.spending import SpendingReply
from hive_web.view.agents import agent_href
from hive_web.view.times import count

_ORDER = (Scope.HIVE, Scope.ACCOUNT, Scope.AGENT)


@dataclass(frozen=True)
class Gauge:
    """One amount; `percent` of its cap, where there is one."""

    window: str
    amount: str
    of: str
    percent: int | None

    @property
    def full(self) -> bool:
        return self.percent is not None and self.percent >= 100


@dataclass(frozen=True)
class SpendingView:
    scope: Scope
    name: str
    words: str
    href: str
    gauges: tuple[Gauge, ...]
    requests: int
    caps: Caps
    turn: str
    """What one turn may cost at most."""
    raised: str
    """What is allowed besides, today."""
    held: str
    """Why no request of it goes out."""

    @property
    def key(self) -> str:
        """The element's id, so that a link can point to it."""
        return f"spending-{self.scope.value}-{self.name}"

    @property
    def can_be_raised(self) -> bool:
        """Raising is about the hour and the day; a turn's cap is as its configuration says."""
        return any(value is not None for value in (*_of(self.caps, "hour"), *_of(self.caps, "day")))


def whose(scope: Scope, name: str) -> str:
    return {Scope.HIVE: "The hive", Scope.ACCOUNT: f"Account {name}", Scope.AGENT: name}[scope]


def spending_views(reply: SpendingReply, accounts: Sequence[str]) -> list[SpendingView]:
    """The hive first, then accounts, also those that spent nothing, then agents by what they spent today."""
    spent = {(s.scope, s.name): s for s in reply.spending}
    caps = {(c.scope, c.name): c for c in reply.caps}
    keys = {(Scope.HIVE, ""), *((Scope.ACCOUNT, name) for name in accounts), *spent, *caps}

    def order(key: tuple[Scope, str]) -> tuple[int, float, str]:
        dear = -spent[key].day_usd if key in spent else 0.0
        return _ORDER.index(key[0]), dear, key[1]

    return [
        _view(
            spent.get(key, Spend(scope=key[0], name=key[1])),
            caps.get(key, ScopedCaps(scope=key[0], name=key[1], caps=Caps())).caps,
            [more for more in reply.raises if (more.scope, more.name) == key],
            [hold for hold in reply.holds if (hold.scope, hold.name) == key and hold.kind is HoldKind.CAP],
        )
        for key in sorted(keys, key=order)
    ]


def _view(spent: Spend, caps: Caps, raises: Sequence[Raise], holds: Sequence[Hold]) -> SpendingView:
    usd, tokens = sum(more.usd for more in raises), sum(more.tokens for more in raises)
    gauges = [
        _gauge("This hour", spent.hour_usd, caps.hour_usd, usd, money=True),
        _gauge("Today", spent.day_usd, caps.day_usd, usd, money=True),
        _gauge("Tokens today", spent.day_tokens, caps.day_tokens, tokens, money=False),
    ]
    if caps.hour_tokens is not None:
        gauges.append(_gauge("Tokens this hour", spent.hour_tokens, caps.hour_tokens, tokens, money=False))
    return SpendingView(
        scope=spent.scope,
        name=spent.name,
        words=whose(spent.scope, spent.name),
        href=agent_href(spent.name) if spent.scope is Scope.AGENT else "",
        gauges=tuple(gauges),
        requests=spent.requests,
        caps=caps,
        turn=amounts(caps.turn_usd or 0, caps.turn_tokens or 0),
        raised=amounts(usd, tokens),
        held=holds[0].reason if holds else "",
    )


def _gauge(window: str, spent: float, cap: float | None, more: float, *, money: bool) -> Gauge:
    words = usd_words if money else (lambda amount: count(round(amount)))
    if cap is None:
        return Gauge(window, words(spent), "", None)
    cap += more
    percent = min(100, int(100 * spent / cap)) if cap else 100
    return Gauge(window, words(spent), words(cap), percent)


def usd_words(amount: float) -> str:
    return f"${amount:,.2f}"


def amounts(usd: float, tokens: int) -> str:
    """`$5.00 and 100.0k tokens`; empty for nothing."""
    return " and ".join([*([usd_words(usd)] if usd else []), *([f"{count(tokens)} tokens"] if tokens else [])])


def _of(caps: Caps, window: str) -> tuple[float | None, float | None]:
    return getattr(caps, f"{window}_usd"), getattr(caps, f"{window}_tokens")
