"""A gateway in a process of its own, whose memory a test looks at: ours, or one that keeps every body whole."""

import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from aiohttp import web
from multidict import CIMultiDict

from hive_gateway.body import MAX_BODY
from hive_gateway.exchange import Exchange
from tests.support.gateway import agent_socket, proxied

CONNECTIONS = 1000


class Hoarder:
    """Reads a request whole, keeps it, and answers with as much in one piece."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        self._kept.append(await exchange.read())
        response = await exchange.respond(200, CIMultiDict({"content-type": "text/event-stream"}))
        await response.write(b"x" * MAX_BODY)
        await response.write_eof()
        return response


def gateway(directory: Path, url: str) -> AbstractAsyncContextManager[Path]:
    if url:
        return proxied(directory, url, connections=CONNECTIONS)
    return agent_socket(directory, Hoarder(), connections=CONNECTIONS)


async def main(directory: str, url: str) -> None:
    """Prints the path of its socket when it is there."""
    async with gateway(Path(directory), url) as socket:
        print(socket, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
