"""An agent's socket with the real API behind it, which a test plays, and clients as an agent has them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from pydantic import SecretStr

from hive_base.clock import SystemClock
from hive_gateway.backend import Backend
from hive_gateway.config import UpstreamConfig
from hive_gateway.listeners import Listener
from hive_gateway.upstream import Upstream
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY

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


@asynccontextmanager
async def agent_socket(directory: Path, backend: Backend, *, connections: int = 64) -> AsyncIterator[Path]:
    """The socket of an agent called `worker`."""
    listener = Listener(backend, SystemClock(), agent="worker", directory=directory, connections=connections)
    await listener.start()
    try:
        yield listener.path
    finally:
        await listener.close(drain_seconds=0)


@asynccontextmanager
async def proxied(
    directory: Path, base_url: str, *, connect_seconds: float = 10, silence_seconds: float = 60
) -> AsyncIterator[Path]:
    """An agent's socket that leads to the API at an address."""
    settings = UpstreamConfig(
        base_url=base_url.rstrip("/"), connect_seconds=connect_seconds, silence_seconds=silence_seconds
    )
    backend = Upstream(settings, SecretStr(KEY))
    try:
        async with agent_socket(directory, backend) as path:
            yield path
    finally:
        await backend.close()


@asynccontextmanager
async def client_of(socket: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client inside the container, with the placeholder as its key."""
    connector = aiohttp.UnixConnector(str(socket))
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
