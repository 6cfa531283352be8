"""The dashboard on a real port, with a fake core behind it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from hive_base.clock import SystemClock
from hive_rpc.types import Role
from hive_web.app import Timing, create_app
from hive_web.config import WebConfig
from hive_web.feed import Pace
from tests.support.fake_core import FakeCore
from tests.support.manual_clock import ManualClock

AT_ONCE = Pace(refresh_apart=0, refresh_every=60, recheck=60, heartbeat=60, retry=0.01)
"""For tests: nothing waits, and what happens by itself happens after the test."""


@dataclass
class Dashboard:
    core: FakeCore
    client: TestClient[Any, Any]
    cookie: str
    socket: Path
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return str(self.client.make_url("/")).rstrip("/")

    def sign_in(self, role: Role = Role.OPERATOR, name: str = "ada") -> str:
        """As somebody of this role, without going through the form; returns the session's token."""
        token = self.core.sign_in(name, role)
        self.client.session.cookie_jar.update_cookies({self.cookie: token}, self.client.make_url("/"))
        return token

    async def get(self, path: str, **values: Any) -> ClientResponse:
        return await self.client.get(path, allow_redirects=False, **values)

    async def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> ClientResponse:
        """As one of our own pages does it; a header given as empty is left out."""
        all_headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        sent = {name: value for name, value in all_headers.items() if value}
        return await self.client.post(path, data=fields or {}, headers=sent, allow_redirects=False)


@asynccontextmanager
async def dashboard(
    directory: Path,
    *,
    core: FakeCore | None = None,
    pace: Pace = AT_ONCE,
    real_time: bool = False,
    errand_patience: float = 60,
    listen_port: int | None = None,
    **config: Any,
) -> AsyncIterator[Dashboard]:
    """With `real_time` the clock runs by itself; without, it stands still."""
    core = core or FakeCore(clock=SystemClock() if real_time else ManualClock())
    socket = directory / "web.sock"
    settings = WebConfig(core_socket=socket, **config)
    await core.start(socket)
    app = create_app(settings, Timing(clock=core.clock, pace=pace, errand_patience=errand_patience))
    server = TestServer(app, port=listen_port)
    client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
    try:
        await server.start_server(shutdown_timeout=0.1)
        await client.start_server()
        yield Dashboard(core, client, "__Host-hive" if settings.secure else "hive", socket)
    finally:
        await client.close()
        await core.stop()


@dataclass(frozen=True)
class Frame:
    """One server-sent event."""

    event: str
    data: Any
    id: int | None


class EventReader:
    """Reads a page's stream, frame by frame."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    async def block(self) -> str:
        """What stands before the next empty line."""
        return (await self._response.content.readuntil(b"\n\n")).decode().strip()

    async def next(self) -> Frame:
        """The next frame that is not a comment or a setting."""
        while True:
            fields = dict(line.split(": ", 1) for line in (await self.block()).splitlines())
            if "event" in fields:
                identity = int(fields["id"]) if "id" in fields else None
                return Frame(fields["event"], json.loads(fields["data"]), identity)

    async def until(self, event: str) -> Frame:
        while (frame := await self.next()).event != event:
            pass
        return frame


@asynccontextmanager
async def events(site: Dashboard, query: str, **headers: str) -> AsyncIterator[EventReader]:
    sent = {"Accept": "text/event-stream"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.client.get(f"/events?{query}", headers=sent) as response:
        assert response.status == 200, await response.text()
        yield EventReader(response)
