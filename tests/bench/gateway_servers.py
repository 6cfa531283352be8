"""The servers of the bench of the gateway, each in a process of its own: the API, a bare proxy, and the gateway."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.support.gateway import proxied

EVENT = b"event: content_block_delta\ndata: " + b"x" * 120 + b"\n\n"


@asynccontextmanager
async def api(port: int) -> AsyncIterator[None]:
    """Streams as many events as the request says, each written by itself, as fast as they are taken."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked = json.loads(await request.read())
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(asked["events"]):
            await response.write(EVENT)
        return response

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield


@asynccontextmanager
async def bare(socket: Path, url: str) -> AsyncIterator[None]:
    """The least that aiohttp needs to be a streaming reverse proxy on a unix socket."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            async with session.post(f"{url}{request.path_qs}", data=request.content, headers=headers) as upstream:
                response = web.StreamResponse(
                    status=upstream.status, headers={"content-type": upstream.headers["content-type"]}
                )
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                return response

        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        yield


def server(kind: str, where: str, url: str = "") -> AbstractAsyncContextManager[object]:
    match kind:
        case "api":
            return api(int(where))
        case "bare":
            return bare(Path(where), url)
        case _:
            return proxied(Path(where).parent, url)


async def main(*arguments: str) -> None:
    async with server(*arguments):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
