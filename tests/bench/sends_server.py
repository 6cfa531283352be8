"""Core's broker behind a socket, as in the daemon, for the bench of durable sends."""

import asyncio
import sys
from pathlib import Path

from hive_base.clock import SystemClock
from hive_core.broker import Broker, Policy
from hive_core.rates import Rate
from hive_core.store import Database
from hive_rpc.interfaces.agent import Agent, SendReply, SendRequest
from hive_rpc.server import Server


class Sending(Agent):
    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def send(self, request: SendRequest) -> SendReply:
        return SendReply(id=await self._broker.send("ann", request.to, request.body))


async def main(directory: Path) -> None:
    async with Database(directory / "core.sqlite", "core") as database:
        broker = Broker(database, SystemClock(), lambda: {"ann", "bob"}, policy=Policy(send_rate=Rate(1e9, 1e9)))
        await broker.start()
        await Server(lambda peer: [Sending(broker)]).listen(directory / "core.sock", mode=0o600)
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
