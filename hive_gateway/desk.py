"""Where every request of an agent's is decided: which account it goes to, whether it may, and what it is charged."""

import asyncio
import fnmatch
import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from hive_base.clock import Clock
from hive_gateway import headers, limits
from hive_gateway.accounts.accounts import Accounts, LiveAccount
from hive_gateway.envelope import Envelope
from hive_gateway.errors import ApiError
from hive_gateway.exchange import Exchange
from hive_gateway.headers import Headers
from hive_gateway.metering.treasury import Ticket, Treasury
from hive_gateway.route import Route, route_of
from hive_rpc.accounts import DEFAULT_ACCOUNT, HoldKind
from hive_rpc.interfaces.gateway import AgentsReply, GatewayAgent

log = logging.getLogger(__name__)


class Desk:
    """One for all agents. What is allowed comes from core; while that is away, what it said last goes on."""

    def __init__(self, accounts: Accounts, treasury: Treasury, clock: Clock) -> None:
        self._accounts = accounts
        self._treasury = treasury
        self._clock = clock
        self._agents: Mapping[str, GatewayAgent] = {}
        self._stopped: str | None = None
        self._running: set[Exchange] = set()
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def follow(self, reply: AgentsReply) -> None:
        """Core says what each agent may do."""
        self._agents = {agent.name: agent for agent in reply.agents}
        self._stopped = reply.stopped
        self._treasury.follow(reply)
        if self._stopped is not None:
            for exchange in self._running:
                exchange.cut_off()

    async def answer(self, agent: str, request: web.BaseRequest) -> web.StreamResponse:
        """Raises ApiError for every refusal; nothing has then been sent to the API."""
        if request.method != "HEAD" and (refusal := headers.credential_refusal(request.headers)):
            log.warning("%s: refused a request: %s", agent, refusal)
            raise refusal
        route = route_of(request)
        if route is None:
            return web.Response()
        account = self._account_of(agent)
        self._check_free(agent, account)
        ticket = self._treasury.begin(agent, account.name) if route is Route.MESSAGES else None
        exchange = self._exchange(agent, account, request, route, ticket=ticket)
        self._running.add(exchange)
        try:
            return await self._ask(account, exchange)
        finally:
            self._running.discard(exchange)
            if ticket is not None:
                ticket.size = exchange.size
            exchange.abandon()
            if ticket is not None:
                ticket.close()

    async def _ask(self, account: LiveAccount, exchange: Exchange) -> web.StreamResponse:
        try:
            return await account.backend.answer(exchange)
        except ApiError as error:
            if exchange.refused is None:
                exchange.observe(error)
            raise

    def _account_of(self, agent: str) -> LiveAccount:
        policy = self._agents.get(agent)
        name = policy.account if policy is not None else None
        account = self._accounts.find(name)
        if account is None:
            raise ApiError(401, f"The account {name or DEFAULT_ACCOUNT} of {agent} is not known to the hive's gateway.")
        return account

    def _check_free(self, agent: str, account: LiveAccount) -> None:
        now = self._clock.now()
        refuse = partial(limits.refusal, now=now, subscription=account.stored.kind.subscription)
        if self._stopped is not None:
            raise refuse(f"An operator has stopped every agent of this hive: {self._stopped}", None, claim=None)
        held = account.held_now(now)
        if held is None or agent in account.trying:
            return
        if held.kind is HoldKind.LOGIN:
            raise ApiError(401, f"The account {account.name} of the hive needs a new login: {held.reason}.")
        until = f"{held.until:%Y-%m-%d %H:%M:%S} UTC"
        raise refuse(f"The account {account.name}: {held.reason}, until {until}.", held.until, claim=held.claim)

    def _exchange(
        self, agent: str, account: LiveAccount, request: web.BaseRequest, route: Route, *, ticket: Ticket | None
    ) -> Exchange:
        async def gate(asked: Envelope | None) -> None:
            # Much may have been decided while the body came: whoever holds it back gains nothing by that.
            if asked is None and self._reads(agent, account, ticket):
                raise ApiError(529, f"What {agent} may ask for has changed while this request came: try again.")
            if asked is not None:
                for model in (asked.model, *asked.also):
                    _check_model(model, agent, self._models(agent))
            if ticket is not None:
                ticket.size = exchange.size
                await self._treasury.admit(ticket, asked)
            self._check_free(agent, account)

        tries = account.held_now(self._clock.now()) is not None
        exchange = Exchange(
            request,
            route,
            agent,
            gate=gate,
            reads=self._reads(agent, account, ticket),
            meter=ticket,
            observe=partial(self._observe, account, route, tries=tries),
            turn=self._turns[agent],
        )
        return exchange

    def _models(self, agent: str) -> list[str]:
        policy = self._agents.get(agent)
        return policy.models if policy is not None else []

    def _reads(self, agent: str, account: LiveAccount, ticket: Ticket | None) -> bool:
        """Whether it matters what a request asks for."""
        return bool(self._models(agent)) or (ticket is not None and self._treasury.limited(agent, account.name))

    def _observe(self, account: LiveAccount, route: Route, status: int, headers: Headers, *, tries: bool) -> None:
        if route is Route.MESSAGES:
            self._accounts.observe(account, status, headers, tries=tries)
        elif status != HTTPStatus.TOO_MANY_REQUESTS:
            # Counting tokens has limits of its own, which say nothing about messages.
            self._accounts.observe(account, status, CIMultiDict(), tries=False)


def _check_model(model: str, agent: str, allowed: list[str]) -> None:
    if allowed and not any(fnmatch.fnmatchcase(model, pattern) for pattern in allowed):
        raise ApiError(
            404,
            f"model: {model[:100]} is not one that {agent} may use: {', '.join(allowed)}. "
            "An operator can change `models` in its agent.toml.",
        )
