"""The two ends that answer in the bench of round trips: ours, and a bare echo."""

import asyncio
import sys
from pathlib import Path
from typing import cast

from hive_rpc.interfaces.agent import AckReply, Agent, IdsRequest
from hive_rpc.server import Server


class Acknowledging(Agent):
    async def ack(self, request: IdsRequest) -> AckReply:
        return AckReply(acked=request.ids)


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def main(kind: str, path: str) -> None:
    if kind == "echo":
        await asyncio.get_running_loop().create_unix_server(Echo, path)
    else:
        await Server(lambda peer: [Acknowledging()]).listen(Path(path), mode=0o600)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
