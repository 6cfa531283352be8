"""The servers of the bench of pages and streams: a core with much in it, and what aiohttp does with nothing of ours.

`core SOCKET DATABASE` answers for 200 agents, with 50,000 messages in core's own store behind it, and tells of events
at a steady rate on an agent named `ticker`. `bare PORT BYTES` serves a page of so many bytes, and
the same events.
"""

import asyncio
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from hive_base.clock import SystemClock
from hive_core.broker import History
from hive_core.store import Database, to_ms
from hive_rpc.interfaces.operator import AgentToday, MessagesReply, MessagesRequest
from hive_rpc.server import Server
from hive_rpc.types import EventKind, Role, Turn, TurnOutcome
from tests.support.fake_core import FakeCore, FakeOperator, FakeSession

AGENTS = 200
MESSAGES = 50_000
EVENTS_PER_SECOND = 50
TICKER = "ticker"
TOKEN = "session-1"
BODY = "The report compared local times and lost the hour of the clock change; the tests pass now. " * 6


class Crowded(FakeOperator):
    """Messages come from the real table."""

    def __init__(self, core: FakeCore, history: History) -> None:
        super().__init__(core)
        self._history = history

    async def messages(self, request: MessagesRequest) -> MessagesReply:
        self._core.admit(request, "messages")
        return await self._history.page(request.agent, before=request.before, limit=request.limit)


async def core(path: str, database_path: str) -> None:
    fake = FakeCore(clock=SystemClock(), version="1")
    now = fake.clock.now()
    turn = Turn(id="turn", started_at=now, ended_at=now, outcome=TurnOutcome.OK, duration_seconds=3.2)
    for number in range(AGENTS - 1):
        name = f"worker-{number:03}"
        fake.agent(name, model="claude-sonnet-4-5", last_turn=turn, unread=number % 3, note="Reads the report.")
        fake.desk.today.append(AgentToday(agent=name, turns=3, cost_usd=1.2, context_tokens=40_000))
    fake.agent(TICKER)
    for number in range(150):
        fake.emit(EventKind.TEXT, "worker-000", turn_id=f"turn_{number // 5}", text=BODY)
    assert fake.sign_in("bench", Role.ADMIN) == TOKEN
    async with Database(Path(database_path), "core") as database:
        await database.write(lambda c: _fill(c, to_ms(now)))
        history = History(database)
        server = Server(lambda peer: [FakeSession(fake), Crowded(fake, history)])
        await server.listen(Path(path))
        print("ready", flush=True)
        while True:
            await asyncio.sleep(1 / EVENTS_PER_SECOND)
            if fake.watching:
                # Nothing is to grow with the length of the run.
                del fake.events[150:]
                fake.emit(EventKind.NOTICE, TICKER, text=f"at {time.monotonic()}")


def _fill(connection: sqlite3.Connection, now: int) -> None:
    rows = [
        (
            n,
            f"msg_{n:08}",
            f"worker-{n % 199:03}",
            f"worker-{(n * 7 + 1) % 199:03}",
            BODY,
            now - (MESSAGES - n) * 30_000,
        )
        for n in range(1, MESSAGES + 1)
    ]
    connection.executemany(
        "INSERT INTO messages (seq, id, sender, recipient, body, sent_at) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    connection.executemany(
        "INSERT INTO deliveries (seq, recipient, state, settled_at) VALUES (?, ?, 'done', ?)",
        [(row[0], row[3], row[5]) for row in rows],
    )


async def bare(port: str, size: str) -> None:
    body, pages = b"x" * int(size), set[web.StreamResponse]()

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html")

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pages.add(response)
        try:
            await asyncio.Event().wait()
        finally:
            pages.discard(response)
        return response

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/events", events)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port)).start()
    print("ready", flush=True)
    while True:
        await asyncio.sleep(1 / EVENTS_PER_SECOND)
        data = f"event: timeline\ndata: at {time.monotonic()}\n\n".encode()
        for response in list(pages):
            with suppress(ConnectionError):  # it went just now
                await response.write(data)


if __name__ == "__main__":
    asyncio.run({"core": core, "bare": bare}[sys.argv[1]](*sys.argv[2:]))
