"""Where every request of an agent's is decided: which account it goes to, whether it may, and what it is charged."""

import fnmatch
import logging
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from hive_base.clock import Clock
from hive_gateway import headers, limits
from hive_gateway.accounts.accounts import Accounts, LiveAccount
from hive_gateway.envelope import Envelope
from hive_gateway.errors import ApiError
from hive_gateway.exchange import Exchange
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

    def follow(self, reply: AgentsReply) -> None:
        """Core says what each agent may do."""
        self._agents = {agent.name: agent for agent in reply.agents}
        self._stopped = reply.stopped
        self._treasury.follow(reply)

    async def answer(self, agent: str, request: web.BaseRequest) -> web.StreamResponse:
        """Raises ApiError for every refusal; nothing has then been sent to the API."""
        if request.method != "HEAD" and (refusal := headers.credential_refusal(request.headers)):
            log.warning("%s: refused a request: %s", agent, refusal)
            raise refusal
        route = route_of(request)
        if route is None:
            return web.Response()
        account = self._account_of(agent)
        self._check_free(account)
        if route is Route.COUNT_TOKENS:
            return await self._ask(account, self._exchange(agent, account, request, route, ticket=None))
        ticket = self._treasury.begin(agent, account.name)
        exchange = self._exchange(agent, account, request, route, ticket=ticket)
        try:
            return await self._ask(account, exchange)
        finally:
            ticket.size = exchange.size
            exchange.abandon()
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

    def _check_free(self, account: LiveAccount) -> None:
        now = self._clock.now()
        refuse = partial(limits.refusal, now=now, subscription=account.stored.kind.subscription)
        if self._stopped is not None:
            raise refuse(f"An operator has stopped every agent of this hive: {self._stopped}", None, claim=None)
        held = account.held_now(now)
        if held is None:
            return
        if held.kind is HoldKind.LOGIN:
            raise ApiError(401, f"The account {account.name} of the hive needs a new login: {held.reason}.")
        until = f"{held.until:%Y-%m-%d %H:%M:%S} UTC"
        raise refuse(f"The account {account.name}: {held.reason}, until {until}.", held.until, claim=held.claim)

    def _exchange(
        self, agent: str, account: LiveAccount, request: web.BaseRequest, route: Route, *, ticket: Ticket | None
    ) -> Exchange:
        policy = self._agents.get(agent)
        models = policy.models if policy is not None else []
        capped = ticket is not None and self._treasury.limited(agent, account.name)

        async def gate(asked: Envelope) -> None:
            _check_model(asked.model, agent, models)
            if ticket is not None:
                ticket.size = exchange.size
                await self._treasury.admit(ticket, asked)

        exchange = Exchange(
            request,
            route,
            agent,
            gate=gate if models or capped else None,
            meter=ticket,
            observe=partial(self._accounts.observe, account),
        )
        return exchange


def _check_model(model: str, agent: str, allowed: list[str]) -> None:
    if allowed and not any(fnmatch.fnmatchcase(model, pattern) for pattern in allowed):
        raise ApiError(
            404,
            f"model: {model[:100]} is not one that {agent} may use: {', '.join(allowed)}. "
            "An operator can change `models` in its agent.toml.",
        )
