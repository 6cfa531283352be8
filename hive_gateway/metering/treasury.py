"""Who may spend: a request is let out when its caps leave room, and what it used is written down before it ends.

Requests at the same moment could each find the cap not yet reached. So each one counts, while it runs, as much as it
may cost at most; one that does not fit beside the others waits until they have ended. Only one that is alone may go
beyond the cap: a cap is passed by the cost of one request at most.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_base.prices import DEAREST, FAST_FACTOR, REGIONAL_FACTOR, Model, Tokens, known
from hive_gateway.book import Book, Spent
from hive_gateway.envelope import Envelope
from hive_gateway.errors import ApiError
from hive_gateway.metering.caps import Charge, Limit, Purse, Window
from hive_gateway.metering.totals import NANO, Target, Totals, day_of, targets
from hive_gateway.metering.usage import BYTES_PER_TOKEN, Used
from hive_gateway.waiting import either
from hive_rpc.accounts import Hold, Scope, Spend
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.gateway import AgentsReply, TurnMark

SEARCH_NANO_USD = 10_000_000
"""Of one web search: 10 USD for a thousand (https://platform.claude.com/docs/en/about-claude/pricing)."""
KEPT = timedelta(days=100)
"""How long requests stay in the book."""
TURN_PATIENCE_SECONDS = 2.0
"""How late the news of a new turn may come: so long a request waits that only the cap of the last turn would refuse."""
_CHARGES_OF_A_TURN = 20_000

log = logging.getLogger(__name__)


class Ticket:
    """One request that was let out."""

    def __init__(self, treasury: "Treasury", agent: str, account: str, at: datetime) -> None:
        self.id = new_id("req")
        self.agent = agent
        self.account = account
        self.at = at
        self.targets: Sequence[Target] = targets(agent, account)
        self.asked = Envelope("", 0)
        self.size = 0
        """Bytes of the request's body."""
        self.may_cost = Charge(at)
        self.charged: Charge | None = None
        """What is in the sums already."""
        self._treasury = treasury
        self._written: Used | None = None

    async def settle(self, used: Used) -> None:
        """Write down what was used; again only when it has become another amount."""
        if used != self._written:
            self._written = used
            await self._treasury.write(self._treasury.charge(self, used))

    def abandon(self, used: Used) -> None:
        """The answer broke off: write down what it used as far as is known. Does not wait."""
        if used != self._written:
            self._written = used
            self._treasury.post(self._treasury.charge(self, used))

    def worst(self, received: int) -> Used:
        """For an answer that did not say what it used: what it may have used, given its bytes."""
        tokens = Tokens(input=self.size // BYTES_PER_TOKEN, output=received // BYTES_PER_TOKEN)
        return Used(self.asked.model or None, tokens)

    def close(self) -> None:
        """It no longer runs."""
        self._treasury.closed(self)


@dataclass(frozen=True)
class _Spending:
    nano_usd: int
    tokens: int


class Treasury:
    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._totals = Totals()
        self._purse = Purse()
        self._turns: dict[str, TurnMark] = {}
        self._recent: dict[str, deque[Charge]] = {}
        """Each agent's charges, for the cap of its turn: whose a charge is, is known only when the turn is told."""
        self._running: set[Ticket] = set()
        self._changed = asyncio.Event()
        self._unwritten: deque[Spent] = deque(maxlen=_CHARGES_OF_A_TURN)
        self._catching_up = asyncio.Lock()
        self._warned: set[str] = set()

    async def load(self) -> None:
        """Take over what was spent today before this start. Raises StorageError."""
        now = self._clock.now()
        await self._book.forget(now, KEPT)
        for at, agent, account, nano_usd, tokens in await self._book.spent_since(day_of(now)):
            self._totals.add(at, targets(agent, account), nano_usd=nano_usd, tokens=tokens, requests=1)
            self._recent.setdefault(agent, deque(maxlen=_CHARGES_OF_A_TURN)).append(Charge(at, nano_usd, tokens))

    def follow(self, reply: AgentsReply) -> None:
        """Core says which caps there are, and which turns."""
        self._purse = Purse.of(reply)
        self._turns = {agent.name: agent.turn for agent in reply.agents if agent.turn is not None}
        for agent, mark in self._turns.items():
            charges = self._recent.get(agent)
            while charges and charges[0].at < mark.started_at:
                charges.popleft()
        self._wake()

    def spending(self) -> list[Spend]:
        now = self._clock.now()
        return self._totals.spending(now)

    def holds(self) -> list[Hold]:
        return self._purse.exceeded(self._totals, self._clock.now())

    def limited(self, agent: str, account: str) -> bool:
        """Whether any cap concerns this agent's requests: only then does it matter what one may cost."""
        now = self._clock.now()
        return any(True for target in targets(agent, account) for _ in self._purse.limits(target, now))

    def begin(self, agent: str, account: str) -> Ticket:
        """A request has come. Raises ApiError when there is nothing left to spend."""
        now = self._clock.now()
        ticket = Ticket(self, agent, account, now)
        for limit in self._limits(ticket, now):
            if limit.window is not Window.TURN:
                self._check(limit, now)
        return ticket

    async def admit(self, ticket: Ticket, asked: Envelope | None) -> None:
        """Let a request out when there is room for it. Raises ApiError when a cap is reached.

        It is charged to the turn, the hour and the day in which it is let out, whenever it had come and whenever its
        answer ends. `asked` is None when no cap concerns it.
        """
        if asked is None:
            ticket.at = self._clock.now()
            return
        try:
            await self._catch_up()
        except HiveError:
            raise ApiError(529, "The hive's gateway cannot write down what is spent, so it spends nothing.") from None
        ticket.asked = asked
        estimate = Tokens(input=ticket.size // BYTES_PER_TOKEN, output=asked.max_tokens)
        used = Used(asked.model, estimate, fast=asked.fast, regional=asked.regional)
        may_cost = Charge(ticket.at, self._price(asked.model, used)[1], estimate.total)
        patient = True
        while True:
            changed, now = self._changed, self._clock.now()
            try:
                room = [self._fits(limit, may_cost, now) for limit in self._limits(ticket, now)]
            except _CapError as reached:
                if reached.limit.window is Window.TURN and patient:
                    patient = False
                    await self._news(changed)
                    continue
                raise reached.refusal(now) from None
            if all(room):
                break
            await changed.wait()
        ticket.at, ticket.may_cost = now, may_cost
        self._running.add(ticket)

    def charge(self, ticket: Ticket, used: Used) -> Spent:
        """Bring the sums up to what a request used."""
        model = used.model or ticket.asked.model or "unknown"
        priced_as, nano_usd = self._price(model, used)
        tokens = used.all_tokens.total
        charge, is_new = ticket.charged or Charge(ticket.at), ticket.charged is None
        if is_new:
            ticket.charged = charge
            self._recent.setdefault(ticket.agent, deque(maxlen=_CHARGES_OF_A_TURN)).append(charge)
        more_usd, more_tokens = nano_usd - charge.nano_usd, tokens - charge.tokens
        charge.nano_usd, charge.tokens = nano_usd, tokens
        self._totals.add(ticket.at, ticket.targets, nano_usd=more_usd, tokens=more_tokens, requests=1 if is_new else 0)
        self._wake()
        return Spent(
            id=ticket.id,
            at=ticket.at,
            agent=ticket.agent,
            account=ticket.account,
            model=model,
            priced_as=priced_as,
            tokens=used.all_tokens,
            searches=used.searches,
            nano_usd=nano_usd,
            exact=used.final,
        )

    async def write(self, spent: Spent) -> None:
        try:
            await self._book.spend(spent)
            await self._catch_up()
        except HiveError as error:
            # The answer is there and was paid for: it goes to the agent, and with caps the next request has to wait.
            log.error("%s", error.sentence())
            self._unwritten.append(spent)

    def post(self, spent: Spent) -> None:
        self._book.post_spend(spent)

    def closed(self, ticket: Ticket) -> None:
        self._running.discard(ticket)
        self._wake()

    @property
    def changed(self) -> asyncio.Event:
        """Set when, from now on, something is spent or the caps become others."""
        return self._changed

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _news(self, changed: asyncio.Event) -> None:
        await either(changed.wait(), self._clock.sleep(TURN_PATIENCE_SECONDS))

    async def _catch_up(self) -> None:
        """Write what could not be written before. Raises StorageError when it still cannot be."""
        if not self._unwritten:
            return
        async with self._catching_up:
            while self._unwritten:
                await self._book.spend(self._unwritten[0])
                self._unwritten.popleft()

    def _limits(self, ticket: Ticket, now: datetime) -> list[Limit]:
        return [limit for target in ticket.targets for limit in self._purse.limits(target, now)]

    def _spent(self, limit: Limit, now: datetime) -> _Spending:
        match limit.window:
            case Window.HOUR:
                total = self._totals.hour(limit.target, now)
            case Window.DAY:
                total = self._totals.day(limit.target, now)
            case Window.TURN:
                return self._spent_in_turn(limit.target)
        return _Spending(total.nano_usd, total.tokens)

    def _spent_in_turn(self, target: Target) -> _Spending:
        """Of an agent's own turn; the hive and accounts have none."""
        mark = self._turns.get(target[1]) if target[0] is Scope.AGENT else None
        charges = [] if mark is None else [c for c in self._recent.get(target[1], ()) if c.at >= mark.started_at]
        return _Spending(sum(c.nano_usd for c in charges), sum(c.tokens for c in charges))

    def _check(self, limit: Limit, now: datetime) -> None:
        spent = self._spent(limit, now)
        if not limit.leaves_room(spent.nano_usd, spent.tokens):
            raise _CapError(limit).refusal(now)

    def _fits(self, limit: Limit, may_cost: Charge, now: datetime) -> bool:
        """Raises _CapError when the cap is reached."""
        spent = self._spent(limit, now)
        if not limit.leaves_room(spent.nano_usd, spent.tokens):
            raise _CapError(limit)
        others = [ticket.may_cost for ticket in self._running if limit.target in ticket.targets]
        return not others or limit.holds_with(
            spent.nano_usd + sum(o.nano_usd for o in others) + may_cost.nano_usd,
            spent.tokens + sum(o.tokens for o in others) + may_cost.tokens,
        )

    def _price(self, model: str, used: Used) -> tuple[str, int]:
        """The row of the price table, of the model itself, and billionths of a dollar for everything."""
        row = self._row(model)
        usd = row.price(used.tokens) + sum(self._row(other or model).price(tokens) for other, tokens in used.beside)
        usd *= (FAST_FACTOR if used.fast else 1) * (REGIONAL_FACTOR if used.regional else 1)
        return row.name, round(usd * NANO) + used.searches * SEARCH_NANO_USD

    def _row(self, model: str) -> Model:
        row = known(model)
        if row is None:
            if model not in self._warned and len(self._warned) < 1000:
                self._warned.add(model)
                log.warning("the price of the model %.80r is not known: it counts as %s", model, DEAREST.name)
            row = DEAREST
        return row


class _CapError(Exception):
    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.words())
        self.limit = limit

    def refusal(self, now: datetime) -> ApiError:
        return cap_refusal(self.limit, now)


def cap_refusal(limit: Limit, now: datetime) -> ApiError:
    """In the shape that the API uses for a spending limit of its own, which Claude Code does not try again."""
    end = limit.window.end(now)
    when = f" You will regain access on {end:%Y-%m-%d} at {end:%H:%M} UTC." if end else ""
    return ApiError(
        400,
        f"You have reached your specified API usage limits: {limit.words()}, is reached.{when} "
        "An operator of the hive can raise it.",
        {"x-hive-refusal": "cap"},
    )
