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


def _event(**data: object) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


START = _event(
    type="message_start",
    message={"type": "message", "model": "claude-sonnet-5", "usage": {"input_tokens": 10_000, "output_tokens": 1}},
)
DELTA = _event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": " word" * 5})


@asynccontextmanager
async def api(port: int) -> AsyncIterator[None]:
    """Streams as many deltas as the request says, each by itself, with a pause in between if the request wants it."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked = json.loads(await request.read())
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(START)
        for _ in range(asked["deltas"]):
            await response.write(DELTA)
            if asked["pause"]:
                await asyncio.sleep(asked["pause"])
        return response

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield


@asynccontextmanager
async def bare(socket: Path, url: str) -> AsyncIterator[None]:
    """The least that aiohttp needs to be a streaming reverse proxy on a unix socket."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:

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
            return proxied(Path(where).parent, url, connections=1000)


async def main(*arguments: str) -> None:
    async with server(*arguments):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
