"""What may still be spent. A cap is compared with what was metered, and with what the requests under way may cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from hive_base.prices import dollars
from hive_gateway.metering.totals import NANO, Target, Totals, day_of, hour_of
from hive_rpc.accounts import Caps, Hold, HoldKind, Raise, Scope
from hive_rpc.interfaces.gateway import AgentsReply


class Window(StrEnum):
    TURN = "turn"
    HOUR = "hour"
    DAY = "day"

    def end(self, now: datetime) -> datetime | None:
        """When it is over by itself; None for a turn."""
        match self:
            case Window.HOUR:
                return hour_of(now) + timedelta(hours=1)
            case Window.DAY:
                return day_of(now) + timedelta(days=1)
        return None


@dataclass(frozen=True)
class Limit:
    """One cap of one target, with what was added to it for today."""

    target: Target
    window: Window
    nano_usd: int | None = None
    """Exactly one of the two is set."""
    tokens: int | None = None

    def leaves_room(self, nano_usd: int, tokens: int) -> bool:
        return nano_usd < self.nano_usd if self.nano_usd is not None else tokens < (self.tokens or 0)

    def holds_with(self, nano_usd: int, tokens: int) -> bool:
        return nano_usd <= self.nano_usd if self.nano_usd is not None else tokens <= (self.tokens or 0)

    def words(self) -> str:
        scope, name = self.target
        whose = {Scope.HIVE: "the hive", Scope.ACCOUNT: f"the account {name}", Scope.AGENT: name}[scope]
        amount = dollars(self.nano_usd / NANO) if self.nano_usd is not None else f"{self.tokens:,} tokens"
        return f"the cap of {whose}, {amount} {'a' if self.window is not Window.HOUR else 'an'} {self.window}"


@dataclass(eq=False)
class Charge:
    """What one request has cost so far, or may cost."""

    at: datetime
    """When it arrived."""
    nano_usd: int = 0
    tokens: int = 0


@dataclass
class Purse:
    """Every cap that there is, from what core says; the spending is kept elsewhere."""

    agents: Mapping[str, Caps] = field(default_factory=dict)
    others: Mapping[Target, Caps] = field(default_factory=dict)
    raises: Sequence[Raise] = ()

    @classmethod
    def of(cls, reply: AgentsReply) -> "Purse":
        return cls(
            agents={agent.name: agent.caps for agent in reply.agents},
            others={(scoped.scope, scoped.name): scoped.caps for scoped in reply.caps},
            raises=reply.raises,
        )

    def limits(self, target: Target, now: datetime) -> Iterable[Limit]:
        caps = self.agents.get(target[1]) if target[0] is Scope.AGENT else self.others.get(target)
        if caps is None:
            return
        more = [r for r in self.raises if (r.scope, r.name) == target and now < r.until]
        usd, tokens = sum(r.usd for r in more), sum(r.tokens for r in more)
        for window, money, count in (
            (Window.TURN, caps.turn_usd, caps.turn_tokens),
            (Window.HOUR, caps.hour_usd, caps.hour_tokens),
            (Window.DAY, caps.day_usd, caps.day_tokens),
        ):
            extra = window is not Window.TURN
            if money is not None:
                yield Limit(target, window, nano_usd=round((money + usd * extra) * NANO))
            if count is not None:
                yield Limit(target, window, tokens=count + tokens * extra)

    def all_targets(self) -> Iterable[Target]:
        yield from ((Scope.AGENT, name) for name in self.agents)
        yield from self.others

    def exceeded(self, totals: Totals, now: datetime) -> list[Hold]:
        """The caps that are reached, of the clock's windows: they hold until the window is over, or they are raised."""
        found = []
        for target in self.all_targets():
            for limit in self.limits(target, now):
                if limit.window is Window.TURN:
                    continue
                spent = totals.hour(target, now) if limit.window is Window.HOUR else totals.day(target, now)
                if not limit.leaves_room(spent.nano_usd, spent.tokens):
                    scope, name = target
                    reason = f"{limit.words()}, is reached"
                    found.append(
                        Hold(kind=HoldKind.CAP, scope=scope, name=name, reason=reason, until=limit.window.end(now))
                    )
        return found
