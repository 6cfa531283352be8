"""Core's broker behind a socket, as in the daemon, for the benches of messages.

As there each agent has a socket of its own, named after it.
"""

import asyncio
import sys
from pathlib import Path

from hive_base.clock import SystemClock
from hive_core.broker import Broker, Policy
from hive_core.rates import Rate
from hive_core.store import Database
from hive_rpc.interfaces.agent import (
    AckReply,
    Agent,
    HelloReply,
    HelloRequest,
    IdsRequest,
    ReceiveReply,
    ReceiveRequest,
    SendReply,
    SendRequest,
)
from hive_rpc.server import Server
from tests.bench.sends_lines import MAX_CLIENTS, agent_name

AGENTS = frozenset(agent_name(number) for number in range(-1, MAX_CLIENTS))


class Session(Agent):
    def __init__(self, broker: Broker, name: str) -> None:
        self._broker = broker
        self._name = name

    async def hello(self, request: HelloRequest) -> HelloReply:
        await self._broker.hello(self._name, request.instance)
        return HelloReply(name=self._name, hive_version="", lease_seconds=self._broker.lease_seconds)

    async def send(self, request: SendRequest) -> SendReply:
        return SendReply(id=await self._broker.send(self._name, request.to, request.body))

    async def receive(self, request: ReceiveRequest) -> ReceiveReply:
        messages = await self._broker.receive(
            self._name, None, wait_seconds=request.wait_seconds, limit=request.max, held=request.held
        )
        return ReceiveReply(messages=messages)

    async def ack(self, request: IdsRequest) -> AckReply:
        return AckReply(acked=await self._broker.ack(self._name, None, request.ids))


async def main(directory: Path) -> None:
    async with Database(directory / "core.sqlite", "core") as database:
        policy = Policy(send_rate=Rate(1e9, 1e9), max_unread=None)
        broker = Broker(database, SystemClock(), lambda: AGENTS, policy=policy)
        await broker.start()
        for name in AGENTS:
            server = Server(lambda peer, name=name: [Session(broker, name)])
            await server.listen(directory / f"{name}.sock", mode=0o600)
        print("ready", flush=True)
        await broker.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
