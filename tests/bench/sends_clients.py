"""A process of clients: `KIND PATH ROLE FIRST CONNECTIONS MESSAGES INTERVAL`.

It says `ready` when all are connected, begins when it is told, and ends with the seconds that each message took from
the begin of its send until the recipient had it (for `receive`), as JSON. With an interval each sender sends at fixed
moments, however late the replies are; without one it sends when the last one is answered.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.sends_lines import Line, line

PADDING = "x" * 180


async def send(to: Line, messages: int, interval: float) -> list[float]:
    begin = time.monotonic()
    for number in range(messages):
        if interval:
            await asyncio.sleep(max(0.0, begin + number * interval - time.monotonic()))
        # From the moment at which it was due: a sender that is held up must not hide that.
        at = begin + number * interval if interval else time.monotonic()
        await to.send(f"{at:.9f} {PADDING}")
    return []


async def receive(source: Line, messages: int, interval: float) -> list[float]:
    taken: list[float] = []
    while len(taken) < messages:
        bodies = await source.receive()
        now = time.monotonic()
        taken += [now - float(body.split(" ", 1)[0]) for body in bodies]
    return taken


async def main(kind: str, path: str, role: str, *numbers: str) -> None:
    first, connections, messages = map(int, numbers[:3])
    interval = float(numbers[3])
    work = send if role == "send" else receive
    async with AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(line(kind, Path(path), n, receives=role == "receive"))
            for n in range(first, first + connections)
        ]
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(one, messages, interval)) for one in lines]
        print(json.dumps([seconds for task in tasks for seconds in task.result()]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
