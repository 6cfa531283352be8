"""The servers of the bench of pages and streams: a core with much in it, and what aiohttp does with nothing of ours.

`bare PORT BYTES` serves a page of so many bytes, and events at a steady rate.
"""

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from hive_base.clock import SystemClock
from hive_base.ids import new_id
from hive_core.agents.models import Desired
from hive_core.agents.registry import Registry
from hive_core.broker.history import History
from hive_core.events.rows import record, store
from hive_core.store import Database, to_ms
from hive_rpc.client import Client, connect
from hive_rpc.interfaces.agent import Agent, HelloRequest, PushEventsRequest, ReportStateRequest
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.messages import OperatorSendRequest
from hive_rpc.interfaces.operator.people import InviteRequest
from hive_rpc.interfaces.session import RedeemRequest, Session
from hive_rpc.types import AgentState, Event, EventKind, Role, Turn, TurnOutcome, Usage
from tests.support.core_process import CoreProcess, core_process

AGENTS = 200
MESSAGES = 50_000
EVENTS_PER_SECOND = 50
TICKER = "ticker"
NAMES = [*(f"worker-{number:03}" for number in range(AGENTS - 1)), TICKER]
RUNNING = NAMES[-12:]
BODY = "The report compared local times and lost the hour of the clock change; the tests pass now. " * 6


@dataclass(frozen=True)
class Crowd:
    """A core with 200 agents, of which twelve run, and 50,000 messages."""

    core: CoreProcess
    token: str
    """Somebody's session."""
    shell: Client
    harnesses: Sequence[Client]
    """The last one is the ticker's."""

    async def happen(self, agent: str, number: int) -> None:
        """What happens all the time in a hive that works: something is said, and an agent begins or ends to think."""
        await self.shell.proxy(Operator).send(OperatorSendRequest(to=agent, body=f"{number}: {BODY}"))
        # One after the other: core has a harness wait that says too often what it does.
        turn, harness = divmod(number, len(self.harnesses))
        state = AgentState.THINKING if turn % 2 else AgentState.IDLE
        await self.harnesses[harness].proxy(Agent).report_state(ReportStateRequest(state=state))

    async def tick(self) -> None:
        """Tell of events at a steady rate."""
        number = 0
        while True:
            await asyncio.sleep(1 / EVENTS_PER_SECOND)
            number += 1
            text = f"at {time.monotonic()}"
            event = Event(kind=EventKind.NOTICE, at=SystemClock().now(), sequence=number, text=text)
            await self.harnesses[-1].proxy(Agent).push_events(PushEventsRequest(events=[event]))


@contextlib.asynccontextmanager
async def crowd(directory: Path) -> AsyncIterator[Crowd]:
    async with core_process(directory, NAMES, RUNNING) as process:
        async with Database(process.state.core_database, "core") as core:
            await core.write(_messages)
            # As after so many sweeps, or the first one would go on beside the measures.
            await History(core).index()
            # As if their configurations were in git: core does nothing for them by itself.
            await core.write(lambda c: c.execute("UPDATE agents SET sha = ?", ("0" * 40,)).rowcount)
            for name in NAMES[: -len(RUNNING)]:
                # Nobody says hello for them.
                await Registry(core).set_desired(name, Desired.STOPPED)
        async with Database(process.state.events_database, "events") as events:
            await events.write(_events)
        await process.start()
        async with (
            connect(process.run.operator_socket) as shell,
            connect(process.run.web_socket) as web_socket,
            contextlib.AsyncExitStack() as stack,
        ):
            invite = await shell.proxy(Operator).invite(InviteRequest(name="bench", role=Role.ADMIN))
            signed_in = await web_socket.proxy(Session).redeem(RedeemRequest(token=invite.token))
            harnesses = [await stack.enter_async_context(connect(process.run.core_socket(name))) for name in RUNNING]
            for harness in harnesses:
                await harness.proxy(Agent).hello(HelloRequest(instance=new_id("run")))
            yield Crowd(process, signed_in.session, shell, harnesses)


def _messages(connection: sqlite3.Connection) -> None:
    now = to_ms(SystemClock().now())
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


def _events(connection: sqlite3.Connection) -> None:
    now = SystemClock().now()
    for name in NAMES:
        turn = Turn(
            id=f"turn_{name}",
            started_at=now,
            ended_at=now,
            outcome=TurnOutcome.OK,
            duration_seconds=3.2,
            model="claude-sonnet-4-5",
            cost_usd=1.2,
            context_tokens=40_000,
            usage=Usage(input_tokens=40_000, output_tokens=900),
        )
        ended = Event(kind=EventKind.TURN_ENDED, at=now, turn_id=turn.id, turn=turn)
        store(connection, None, [record(name, ended)], to_ms(now))
    for number in range(150):
        said = Event(kind=EventKind.TEXT, at=now, turn_id=f"turn_{number // 5}", text=f"{number}: {BODY}")
        store(connection, None, [record(NAMES[0], said)], to_ms(now))


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
    asyncio.run(bare(*sys.argv[2:]))
