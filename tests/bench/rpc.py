"""Round trips per second on one connection, beside a bare echo of the same bytes over the same kind of socket."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import cast

from hive_rpc.client import connect
from hive_rpc.interfaces.agent import Agent, IdsRequest
from tests.bench.figure import Figure, alternate, python

CALLS = 5000
ROUNDS = 5
REQUEST = IdsRequest(ids=["msg_01m7w5e95ardtkdry5qpy307mb"])
WIRE = b'{"method":"org.hive.Agent.Ack","parameters":{"ids":["msg_01m7w5e95ardtkdry5qpy307mb"]}}\0'


class _Waiter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        answer, self.answer = self.answer, asyncio.get_running_loop().create_future()
        answer.set_result(data)

    async def ask(self, data: bytes) -> bytes:
        answer = self.answer
        self.transport.write(data)
        return await answer


async def _ours(path: Path) -> float:
    async with connect(path) as client:
        agent = client.proxy(Agent)
        start = time.perf_counter()
        for _ in range(CALLS):
            await agent.ack(REQUEST)
        return CALLS / (time.perf_counter() - start)


async def _echo(path: Path) -> float:
    transport, waiter = await asyncio.get_running_loop().create_unix_connection(_Waiter, str(path))
    start = time.perf_counter()
    for _ in range(CALLS):
        await waiter.ask(WIRE)
    elapsed = time.perf_counter() - start
    transport.close()
    return CALLS / elapsed


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        ours, echo = Path(directory) / "ours.sock", Path(directory) / "echo.sock"
        async with (
            python("tests.bench.rpc_server", "ours", ours),
            python("tests.bench.rpc_server", "echo", echo),
        ):
            mine, floor = await alternate(ROUNDS, [lambda: _ours(ours), lambda: _echo(echo)])
    return [Figure("rpc_round_trips", mine, "1/s", floor=floor)]
