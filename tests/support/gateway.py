"""An agent's socket with the real API behind it, which a test plays, and clients as an agent has them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from pydantic import SecretStr

from hive_base.clock import Clock, SystemClock
from hive_gateway import upstream
from hive_gateway.accounts.accounts import Accounts
from hive_gateway.accounts.models import StoredAccount
from hive_gateway.accounts.store import AccountStore
from hive_gateway.backend import Backend
from hive_gateway.book import Book
from hive_gateway.config import UpstreamConfig
from hive_gateway.desk import Desk
from hive_gateway.metering.treasury import Treasury
from hive_gateway.model_socket import ModelSocket
from hive_rpc.accounts import AccountKind
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, AgentsReply

KEY = "sk-ant-api03-the-real-one"
PLACEHOLDER = {"x-api-key": PLACEHOLDER_API_KEY}
MESSAGES = "http://gateway/v1/messages"

Api = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def api_server(api: Api) -> AsyncIterator[RawTestServer]:
    """The API, played by a handler that is cancelled when its client goes away."""
    server = RawTestServer(api)
    await server.start_server(auto_decompress=False)
    try:
        yield server
    finally:
        await server.close()


@dataclass(frozen=True)
class Parts:
    """A gateway without core: a test says what core would, with `desk.follow`."""

    socket: Path
    """Of an agent called `worker`."""
    desk: Desk
    accounts: Accounts
    treasury: Treasury
    book: Book


@asynccontextmanager
async def parts(
    directory: Path,
    *,
    accounts: Sequence[StoredAccount] = (),
    stand_in: Backend | None = None,
    settings: UpstreamConfig | None = None,
    clock: Clock | None = None,
    connections: int = 64,
    core: AgentsReply | None = None,
) -> AsyncIterator[Parts]:
    """The gateway's parts around one agent's socket; its state is below the directory."""
    settings, clock = settings or UpstreamConfig(), clock or SystemClock()
    async with AsyncExitStack() as stack:
        book = Book(directory / "state" / "book.sqlite")
        await book.open()
        stack.push_async_callback(book.close)
        session = await stack.enter_async_context(upstream.session(settings))
        store = AccountStore(directory / "state" / "accounts")
        live = Accounts(store, book, session, clock, stand_in=stand_in, settings=settings)
        await live.load(accounts)
        stack.push_async_callback(live.close)
        treasury = Treasury(book, clock)
        await treasury.load()
        desk = Desk(live, treasury, clock)
        if core is not None:
            desk.follow(core)
        listener = ModelSocket(desk, clock, agent="worker", directory=directory, connections=connections)
        await listener.start()
        stack.push_async_callback(listener.close, 0)
        yield Parts(listener.path, desk, live, treasury, book)


@asynccontextmanager
async def agent_socket(directory: Path, backend: Backend, *, connections: int = 64) -> AsyncIterator[Path]:
    """The socket of an agent called `worker`."""
    async with parts(directory, stand_in=backend, connections=connections) as made:
        yield made.socket


def api_account(name: str = "default", secret: str = KEY, base_url: str | None = None) -> StoredAccount:
    return StoredAccount(name=name, kind=AccountKind.API_KEY, secret=SecretStr(secret), base_url=base_url)


@asynccontextmanager
async def proxied(
    directory: Path,
    base_url: str,
    *,
    connect_seconds: float = 10,
    silence_seconds: float = 60,
    connections: int = 64,
) -> AsyncIterator[Path]:
    """An agent's socket that leads to the API at an address."""
    settings = UpstreamConfig(
        base_url=base_url.rstrip("/"), connect_seconds=connect_seconds, silence_seconds=silence_seconds
    )
    async with parts(directory, accounts=[api_account()], settings=settings, connections=connections) as made:
        yield made.socket


@asynccontextmanager
async def client_of(socket: Path, connections: int = 100) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client inside the container, with the placeholder as its key."""
    connector = aiohttp.UnixConnector(str(socket), limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=PLACEHOLDER, auto_decompress=False) as session:
        yield session


async def raw(socket: Path, request: bytes) -> bytes:
    """What comes back for these bytes until the gateway closes the connection; empty when it says nothing."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(request)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
