"""Clients of the bench of durable sends: `CONNECTIONS` of them, each sending one message after the other."""

import asyncio
import sys
from pathlib import Path

from hive_rpc.client import connect
from hive_rpc.interfaces.agent import Agent, SendRequest

BODY = "x" * 200


async def one(path: Path, sends: int, go: asyncio.Event) -> None:
    async with connect(path) as client:
        agent = client.proxy(Agent)
        await go.wait()
        for _ in range(sends):
            await agent.send(SendRequest(to="bob", body=BODY))


async def main(path: Path, connections: int, sends: int) -> None:
    go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one(path, sends, go))
        await asyncio.sleep(0)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        go.set()
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
