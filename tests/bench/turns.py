"""From `send` to the model's first request, cold and warm, beside the bare SDK.

Ours is everything but the container: a durable send, the lease, harness, runner, CLI, forwarder, the gateway's socket.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from hive_agent.runner.command import bundled_cli
from hive_base.clock import SystemClock
from hive_core.broker import Broker
from hive_core.store import Database
from hive_gateway.standin.app import StandIn, build
from hive_gateway.standin.recorder import Seen
from hive_rpc.interfaces.agent import (
    AckReply,
    Agent,
    Command,
    CommandKind,
    HelloReply,
    HelloRequest,
    IdsRequest,
    NackRequest,
    PushEventsReply,
    PushEventsRequest,
    ReceiveReply,
    ReceiveRequest,
    RenewReply,
    ReportStateRequest,
    SendReply,
    SendRequest,
    Settings,
    WhoAmIReply,
)
from hive_rpc.server import Server
from hive_rpc.types import OPERATOR, Empty
from tests.bench.figure import Figure, alternate
from tests.bench.turns_harness import MODEL_UID
from tests.support.gateway import agent_socket

WARM_ROUNDS = 15
COLD_ROUNDS = 5
NAME = "worker"


class Arrivals:
    """When requests for an inference arrived, as the stand-in tells."""

    def __init__(self) -> None:
        self._next: asyncio.Future[float] | None = None

    def saw(self, seen: Seen) -> None:
        if seen.path.startswith("/v1/messages") and self._next is not None and not self._next.done():
            self._next.set_result(seen.at)

    def next(self) -> asyncio.Future[float]:
        self._next = asyncio.get_running_loop().create_future()
        return self._next


class Hive:
    """A broker with its socket, the stand-in behind the gateway's, and a harness process between them."""

    def __init__(self, broker: Broker, arrivals: Arrivals, settings: Settings) -> None:
        self.broker = broker
        self.settings = settings
        self.idle = asyncio.Event()
        self._arrivals = arrivals

    async def turn(self) -> float:
        """Seconds from the send to the first request."""
        await self.idle.wait()
        self.idle.clear()
        arrival = self._arrivals.next()
        began = time.monotonic()
        await self.broker.send(OPERATOR, NAME, "what is 6*7?")
        arrived = await arrival
        await self.idle.wait()
        return arrived - began


class _Session(Agent):
    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._instance = ""

    async def hello(self, request: HelloRequest) -> HelloReply:
        self._instance = request.instance
        await self._hive.broker.hello(NAME, request.instance)
        return HelloReply(name=NAME, hive_version="", lease_seconds=self._hive.broker.lease_seconds)

    async def send(self, request: SendRequest) -> SendReply:
        sent = await self._hive.broker.send(NAME, request.to, request.body, key=request.key)
        return SendReply(id=sent)

    async def receive(self, request: ReceiveRequest) -> ReceiveReply:
        # Now the turn before is over, and its runner too where it is not kept.
        self._hive.idle.set()
        wait, most = request.wait_seconds, request.max
        messages = await self._hive.broker.receive(NAME, self._instance, wait_seconds=wait, limit=most)
        return ReceiveReply(messages=messages)

    async def renew(self, request: IdsRequest) -> RenewReply:
        return await self._hive.broker.renew(NAME, self._instance, request.ids)

    async def ack(self, request: IdsRequest) -> AckReply:
        return AckReply(acked=await self._hive.broker.ack(NAME, self._instance, request.ids))

    async def nack(self, request: NackRequest) -> Empty:
        raise RuntimeError(f"a turn of the bench failed: {request.reason}")

    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        unread = await self._hive.broker.unread(NAME)
        return WhoAmIReply(name=NAME, machine="", capabilities=[], model=None, unread=unread, peers=[])

    async def commands(self, request: Empty) -> AsyncIterator[Command]:
        yield Command(kind=CommandKind.SETTINGS, settings=self._hive.settings)
        await asyncio.Event().wait()

    async def report_state(self, request: ReportStateRequest) -> Empty:
        return Empty()

    async def push_events(self, request: PushEventsRequest) -> PushEventsReply:
        return PushEventsReply(sequence=request.events[-1].sequence)


@asynccontextmanager
async def _hive(directory: Path, *, keep_warm_seconds: float) -> AsyncIterator[Hive]:
    directory.mkdir(mode=0o755)
    arrivals = Arrivals()
    async with Database(directory / "core.sqlite", "core") as database, AsyncExitStack() as stack:
        broker = Broker(database, SystemClock(), lambda: {NAME})
        await broker.start()
        hive = Hive(broker, arrivals, Settings(model="sonnet", keep_warm_seconds=keep_warm_seconds))
        server = Server(lambda peer: [_Session(hive)])
        await server.listen(directory / "core.sock")
        stack.push_async_callback(server.close)
        await stack.enter_async_context(agent_socket(directory, StandIn(recorder=arrivals)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.turns_harness", directory, stderr=asyncio.subprocess.DEVNULL
        )
        stack.push_async_callback(process.wait)
        stack.callback(process.terminate)
        yield hive


class Floor:
    """The bare SDK, in a process that begins with the first turn."""

    def __init__(self, directory: Path, cli: Path, port: int, arrivals: Arrivals) -> None:
        self._arguments = (directory, cli, f"http://127.0.0.1:{port}")
        self._arrivals = arrivals
        self._process: asyncio.subprocess.Process | None = None

    async def cold(self) -> float:
        """Seconds from the start of the program to the first request."""
        await self.close()
        arrival = self._arrivals.next()
        began = time.monotonic()
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.turns_floor", *map(str, self._arguments), stdin=pipe, stdout=pipe
        )
        await self._turn()
        return await arrival - began

    async def warm(self) -> float:
        if self._process is None:
            await self.cold()
        arrival = self._arrivals.next()
        began = await self._turn()
        return await arrival - began

    async def _turn(self) -> float:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"go\n")
        began = float(await process.stdout.readline())
        await process.stdout.readline()
        return began

    async def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def _floor(directory: Path) -> AsyncIterator[Floor]:
    directory.mkdir(mode=0o755)
    cli = directory / "cli"
    words = f"setpriv --reuid={MODEL_UID} --regid={MODEL_UID} --clear-groups -- " if MODEL_UID is not None else ""
    cli.write_text(f'#!/bin/sh\nexec {words}{bundled_cli()} "$@"\n')
    cli.chmod(0o755)
    if MODEL_UID is not None:
        os.chown(directory, MODEL_UID, MODEL_UID)
    arrivals = Arrivals()
    runner = web.AppRunner(build(StandIn(recorder=arrivals)), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    floor = Floor(directory, cli, runner.addresses[0][1], arrivals)
    try:
        yield floor
    finally:
        await floor.close()
        await runner.cleanup()


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        async with _floor(root / "floor") as floor:
            async with _hive(root / "warm", keep_warm_seconds=600) as hive:
                await hive.turn()
                warm_floor, warm = await alternate(WARM_ROUNDS, [floor.warm, hive.turn])
            async with _hive(root / "cold", keep_warm_seconds=0) as hive:
                cold_floor, cold = await alternate(COLD_ROUNDS, [floor.cold, hive.turn])
    return [
        Figure("turn_warm_to_first_request", warm, "s", floor=warm_floor),
        Figure("turn_cold_to_first_request", cold, "s", floor=cold_floor),
    ]
