"""The gateway, wired together: the one place that knows every part."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from hive_base import log as logs
from hive_base import service
from hive_base.clock import Clock, SystemClock
from hive_base.paths import GATEWAY_LIB, RUN, RunPaths
from hive_base.tasks import alongside
from hive_gateway import config, upstream
from hive_gateway.accounts.accounts import Accounts
from hive_gateway.accounts.models import StoredAccount
from hive_gateway.accounts.store import AccountStore, from_systemd
from hive_gateway.backend import Backend
from hive_gateway.book import Book
from hive_gateway.control import CoreLine
from hive_gateway.desk import Desk
from hive_gateway.egress.dialer import Dialer
from hive_gateway.egress.gate import EgressGate
from hive_gateway.egress.resolver import Resolver, SystemResolver
from hive_gateway.egress.socket import EgressSocket
from hive_gateway.egress.volume import Volume
from hive_gateway.errands import Errands
from hive_gateway.listeners import Listeners
from hive_gateway.login.logins import Logins
from hive_gateway.metering.treasury import Treasury
from hive_gateway.model_socket import ModelSocket
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.gateway import AgentsReply

log = logging.getLogger(__name__)


@asynccontextmanager
async def gateway(
    settings: config.GatewayConfig,
    clock: Clock,
    *,
    run: RunPaths,
    state: Path,
    credentials: Iterable[StoredAccount] = (),
    stand_in: Backend | None = None,
    resolver: Resolver | None = None,
) -> AsyncIterator[Accounts]:
    """The gateway, running; leaving lets the answers that are being given end within the configured time.

    `state` is its own directory. Raises StorageError when that cannot be used.
    """
    async with AsyncExitStack() as stack:
        book = Book(state / "book.sqlite")
        await book.open()
        stack.push_async_callback(book.close)
        session = await stack.enter_async_context(upstream.session(settings.upstream))
        accounts = Accounts(
            AccountStore(state / "accounts"), book, session, clock, stand_in=stand_in, settings=settings.upstream
        )
        await accounts.load(credentials)
        stack.push_async_callback(accounts.close)
        treasury = Treasury(book, clock)
        await treasury.load()
        desk = Desk(accounts, treasury, clock)
        volume = Volume(book, clock)
        await volume.load()
        dialer = Dialer(resolver or SystemResolver(), settings.egress)
        gate = EgressGate(book, volume, dialer, settings.egress, clock)

        def model_socket(agent: str, directory: Path) -> ModelSocket:
            return ModelSocket(
                desk, clock, agent=agent, directory=directory, connections=settings.connections_per_agent
            )

        def egress_socket(agent: str, directory: Path) -> EgressSocket:
            return EgressSocket(
                gate, agent=agent, directory=directory, connections=settings.egress.connections_per_agent
            )

        kinds = [Listeners(model_socket, clock), Listeners(egress_socket, clock)]
        for listeners in kinds:
            stack.push_async_callback(listeners.close, settings.drain_seconds)

        def follow(reply: AgentsReply) -> None:
            desk.follow(reply)
            gate.follow(reply)
            for listeners in kinds:
                listeners.want({agent.name: Path(agent.directory) for agent in reply.agents})

        logins = Logins(clock, accounts.keep)
        stack.callback(logins.close)
        line = CoreLine(
            run.gateway_control_socket,
            accounts,
            treasury,
            Errands(accounts, treasury, book, logins),
            clock,
            agents=follow,
            status=_status,
        )
        async with alongside(*(listeners.run() for listeners in kinds), line.run(), service.beat(clock)):
            yield accounts


def _status(text: str) -> None:
    service.notify(f"STATUS={text}")


async def _serve(
    settings: config.GatewayConfig, credentials: Iterable[StoredAccount], run: RunPaths, state: Path
) -> None:
    asked_to_stop = service.asked_to_stop()
    async with gateway(settings, SystemClock(), run=run, state=state, credentials=credentials) as accounts:
        log.info("agents are answered by %s", accounts.description)
        service.notify("READY=1")
        await asked_to_stop.wait()
        service.notify("STOPPING=1", "STATUS=Waiting for the answers that are being given.")


def main(run: Path = RUN, state: Path = GATEWAY_LIB) -> None:
    logs.setup()
    try:
        settings, credentials = config.load(), from_systemd()
        asyncio.run(_serve(settings, credentials, RunPaths(run), state))
    except HiveError as error:
        sys.exit(error.sentence())
