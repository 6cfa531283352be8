"""An agent that would spend more than it may, with every trick that HTTP has; and many streams at once."""

import asyncio
import gzip
import json
import resource
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from hive_gateway.envelope import EnvelopeReader
from hive_gateway.exchange import AT_ONCE
from hive_rpc.accounts import Caps, Scope
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, AgentsReply, GatewayAgent
from tests.support.gateway import MESSAGES, api_account, api_server, client_of, parts, raw

KEY_LINE = b"x-api-key: " + PLACEHOLDER_API_KEY.encode() + b"\r\n"
BODY = b'{"model": "claude-opus-4-8", "max_tokens": 1000, "messages": []}'
USED = {"model": "claude-opus-4-8", "usage": {"input_tokens": 1_000_000, "output_tokens": 0}}
"""Five dollars."""


def post(*headers: bytes, body: bytes = BODY, line: bytes = b"POST /v1/messages HTTP/1.1") -> bytes:
    lines = [line, b"Host: x", KEY_LINE.strip(), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
CLOSE = b"Connection: close"

TRICKS = {
    "plain": post(LENGTH, CLOSE),
    "two at once": post(LENGTH) + post(LENGTH, CLOSE),
    "chunked": post(b"Transfer-Encoding: chunked", CLOSE, body=CHUNKED),
    "chunk extensions": post(b"Transfer-Encoding: chunked", CLOSE, body=CHUNKED.replace(b"\r\n", b";a=b\r\n", 1)),
    "another agent's name": post(
        LENGTH, CLOSE, b"x-hive-agent: manager", b"x-forwarded-for: manager", b"host: manager"
    ),
    "another account": post(LENGTH, CLOSE, b"x-hive-account: other", b"anthropic-organization-id: other"),
    "CL.TE": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", CLOSE, body=b"0\r\n\r\n" + post(LENGTH)),
    "TE.CL": post(b"Transfer-Encoding: chunked", b"Content-Length: 3", CLOSE, body=b"5c\r\n" + post(LENGTH)),
    "folded": post(b"x: y\r\n z: w", LENGTH, CLOSE),
    "absolute form": post(LENGTH, CLOSE, line=b"POST http://127.0.0.1/v1/messages HTTP/1.1"),
    "HTTP/1.0": post(LENGTH, line=b"POST /v1/messages HTTP/1.0"),
    "a query": post(LENGTH, CLOSE, line=b"POST /v1/messages?model=claude-haiku HTTP/1.1"),
    "100-continue": post(LENGTH, CLOSE, b"Expect: 100-continue"),
    "upgrade": post(LENGTH, b"Connection: upgrade, close", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    "compressed": post(
        b"Content-Encoding: gzip", b"Content-Length: %d" % len(gzip.compress(BODY)), CLOSE, body=gzip.compress(BODY)
    ),
    "a bomb": post(
        b"Content-Encoding: deflate",
        b"Transfer-Encoding: chunked",
        CLOSE,
        body=(bomb := zlib.compress(b" " * 50_000_000)) and b"%x\r\n%b\r\n0\r\n\r\n" % (len(bomb), bomb),
    ),
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
async def test_no_trick_passes_a_cap(tmp_path: Path, trick: bytes) -> None:
    """Positive control: a plain request goes out when there is something left to spend."""
    seen: list[bytes] = []

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(await request.read())
        return web.json_response(USED)

    def may(usd: float) -> AgentsReply:
        return AgentsReply(agents=[GatewayAgent(name="worker", directory="/", caps=Caps(day_usd=usd))])

    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], core=may(5)) as made:
            assert b" 200 " in await raw(made.socket, TRICKS["plain"])
            assert len(seen) == 1

            await raw(made.socket, trick)
            async with asyncio.timeout(30):
                await asyncio.gather(*(raw(made.socket, trick) for _ in range(5)))
            assert len(seen) == 1

            made.desk.follow(may(50))
            assert b" 200 " in await raw(made.socket, TRICKS["plain"])
            assert len(seen) == 2


async def test_a_body_that_is_held_back_for_ever_is_nobody_s_request(tmp_path: Path) -> None:
    """The last byte of a request leaves the gateway only when it has been let out."""
    whole: list[bytes] = []
    arrived = asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        async for _ in request.content.iter_any():
            arrived.set()
        whole.append(b"")
        return web.json_response(USED)

    reply = AgentsReply(agents=[GatewayAgent(name="worker", directory="/", models=["claude-haiku-*"])])
    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], core=reply) as made:
            reader, writer = await asyncio.open_unix_connection(str(made.socket))
            writer.write(post(LENGTH, CLOSE, body=BODY[:-1]))
            await arrived.wait()
            writer.write(BODY[-1:])
            assert b" 404 " in await reader.readline()
            writer.close()
    assert whole == []


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Both ends of everything are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
async def test_bodies_that_are_long_to_read_are_read_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = EnvelopeReader.feed
    read = most = 0

    def counting(reader: EnvelopeReader, data: bytes) -> None:
        nonlocal read
        read += len(data)
        feed(reader, data)

    def tick() -> None:
        nonlocal read, most
        most, read = max(most, read), 0
        asyncio.get_running_loop().call_soon(tick)

    monkeypatch.setattr(EnvelopeReader, "feed", counting)
    body = b'{"model": "m", "a": [' + b"[]" * 100_000
    core = AgentsReply(agents=[GatewayAgent(name="worker", directory="/x", account="default", caps=Caps(day_usd=5))])
    async with parts(tmp_path, core=core) as made:
        tick()
        answers = await asyncio.gather(
            *(raw(made.socket, post(b"Content-Length: %d" % len(body), CLOSE, body=body)) for _ in range(8))
        )
    assert {answer.split()[1] for answer in answers} == {b"400"}
    assert most <= AT_ONCE


async def test_five_hundred_streams_at_once_are_each_their_own(tmp_path: Path) -> None:
    streams, begun, all_begun = 500, 0, asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal begun
        name = json.loads(await request.read())["messages"]
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"data: {name}\n\n".encode())
        begun += 1
        if begun == streams:
            all_begun.set()
        # Not one ends before all have begun.
        await all_begun.wait()
        usage = json.dumps({"type": "message_delta", "usage": {"input_tokens": 2, "output_tokens": 1}})
        await response.write(f"data: {usage}\n\n".encode())
        return response

    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], connections=2 * streams) as made:
            async with client_of(made.socket, connections=streams) as client:

                async def one(number: int) -> bool:
                    request = {"model": "claude-x", "max_tokens": 1, "messages": f"<{number}>"}
                    async with client.post(MESSAGES, json=request) as answer:
                        return f"<{number}>" in await answer.text()

                assert all(await asyncio.gather(*(one(number) for number in range(streams))))
            [spent] = [s for s in made.treasury.spending() if s.scope is Scope.HIVE]
    assert (spent.requests, spent.day_tokens) == (streams, 3 * streams)
