"""The way from an agent's socket to the API: what passes, what is swapped, and that nothing is held back."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDictProxy
from yarl import URL

from hive_gateway.body import MAX_BODY
from tests.support.gateway import KEY, MESSAGES, PLACEHOLDER, api_server, client_of, proxied
from tests.support.loop_time import LoopTime

Seen = list[tuple[str, CIMultiDictProxy[str], bytes]]


async def test_the_key_is_put_in_and_what_is_the_connection_s_or_the_agent_s_stays_behind(tmp_path: Path) -> None:
    seen: Seen = []

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        seen.append((request.raw_path, request.headers, await request.read()))
        return web.json_response({"ok": True})

    sent = {
        "anthropic-beta": "claude-code-20250219",
        "user-agent": "claude-cli/2",
        "content-type": "application/json",
        "connection": "keep-alive, x-mine",
        "x-mine": "1",
        "cookie": "a=b",
        "x-forwarded-for": "10.0.0.1",
        "te": "trailers",
    }
    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with (
            client_of(socket) as client,
            client.post(f"{MESSAGES}?beta=true", data=b"{}", headers=sent) as answer,
        ):
            assert await answer.json() == {"ok": True}
        address = f"127.0.0.1:{server.port}"

    [(path, headers, body)] = seen
    assert (path, body) == ("/v1/messages?beta=true", b"{}")
    assert headers.getall("x-api-key") == [KEY]
    assert headers["host"] == address
    assert {name: headers.get(name) for name in sent} == {
        "anthropic-beta": "claude-code-20250219",
        "user-agent": "claude-cli/2",
        "content-type": "application/json",
        "connection": None,
        "x-mine": None,
        "cookie": None,
        "x-forwarded-for": None,
        "te": None,
    }


async def test_an_address_with_a_path_keeps_it(tmp_path: Path) -> None:
    paths: list[str] = []

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        paths.append(request.raw_path)
        return web.Response()

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/anthropic/"))) as socket:
        async with client_of(socket) as client:
            await client.post(URL(f"{MESSAGES}/count_tokens?beta=true&x=%2F", encoded=True))

    assert paths == ["/anthropic/v1/messages/count_tokens?beta=true&x=%2F"]


async def test_an_answer_comes_back_as_it_is_without_what_names_the_account(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            status=529,
            headers={
                "request-id": "req_1",
                "retry-after": "7",
                "anthropic-ratelimit-unified-status": "allowed",
                "anthropic-organization-id": "org",
                "set-cookie": "a=b",
                "server": "cloudflare",
            },
        )

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client, client.post(MESSAGES) as answer:
            body = await answer.json()

    assert (answer.status, body["error"]["type"]) == (529, "overloaded_error")
    assert answer.headers["request-id"] == "req_1"
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["anthropic-ratelimit-unified-status"] == "allowed"
    assert answer.headers.getall("server") == ["hive-gateway"]
    assert not {"anthropic-organization-id", "set-cookie"} & {name.lower() for name in answer.headers}


async def test_a_stream_is_passed_on_piece_by_piece(tmp_path: Path) -> None:
    """Each side goes on only when the other has seen what came before: a proxy that held anything back would hang."""
    seen_by_agent = asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"event: one\n\n")
        await seen_by_agent.wait()
        await response.write(b"event: two\n\n")
        return response

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client, client.post(MESSAGES) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert await answer.content.readany() == b"event: one\n\n"
            seen_by_agent.set()
            assert await answer.content.read() == b"event: two\n\n"


async def test_a_request_is_passed_on_piece_by_piece(tmp_path: Path) -> None:
    seen_by_api = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        await seen_by_api.wait()
        yield b"two"

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        assert await request.content.readany() == b"on"  # the last byte so far waits for more, or for the end
        seen_by_api.set()
        return web.Response(body=await request.content.read())

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client, client.post(MESSAGES, data=body()) as answer:
            assert await answer.read() == b"etwo"


async def test_a_client_that_goes_away_ends_the_request_to_the_api(tmp_path: Path) -> None:
    cancelled = asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return response

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client, client.post(MESSAGES) as answer:
            assert await answer.content.readany() == b"first"
            answer.close()
            await cancelled.wait()


async def test_a_client_that_goes_away_before_the_answer_ends_the_request_too(tmp_path: Path) -> None:
    arrived, cancelled = asyncio.Event(), asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return web.Response()

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client:
            asking = asyncio.ensure_future(client.post(MESSAGES))
            await arrived.wait()
            asking.cancel()
            await cancelled.wait()


async def test_a_reader_that_stalls_stalls_the_api_and_nobody_else(tmp_path: Path) -> None:
    """Nor is the API taken for a silent one, however long it lasts."""
    piece, pieces = b"x" * 2**16, 1024
    finished: list[str] = []

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(pieces):
            await response.write(piece)
        finished.append(request.headers["x-who"])
        return response

    time = LoopTime()
    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/")), silence_seconds=60) as socket:
        async with client_of(socket) as client:
            stalled = await client.post(MESSAGES, headers={"x-who": "stalled"})
            async with client.post(MESSAGES, headers={"x-who": "other"}) as other:
                assert len(await other.read()) == len(piece) * pieces
            assert finished == ["other"]
            time.forward(90)
            assert len(await stalled.read()) == len(piece) * pieces

    assert finished == ["other", "stalled"]


async def test_compressed_bodies_pass_untouched(tmp_path: Path) -> None:
    packed = gzip.compress(b"{}" * 1000)

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["content-encoding"] == "gzip"
        return web.Response(body=await request.read(), headers={"content-encoding": "gzip"})

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client:
            async with client.post(MESSAGES, data=packed, headers={"content-encoding": "gzip"}) as answer:
                assert answer.headers["content-encoding"] == "gzip"
                assert await answer.read() == packed


async def pieces(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 2**20):
        yield b"x" * min(2**20, size - start)


@pytest.mark.parametrize("framing", ["chunked", "with a length"])
async def test_a_body_of_32_megabytes_passes_and_one_byte_more_does_not(tmp_path: Path, framing: str) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        digest = hashlib.sha256()
        async for chunk in request.content.iter_any():
            digest.update(chunk)
        return web.Response(text=digest.hexdigest())

    def headers(size: int) -> dict[str, str]:
        return {"content-length": str(size)} if framing == "with a length" else {}

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client:
            async with client.post(MESSAGES, data=pieces(MAX_BODY), headers=headers(MAX_BODY)) as answer:
                assert await answer.text() == hashlib.sha256(b"x" * MAX_BODY).hexdigest()
            async with client.post(MESSAGES, data=pieces(MAX_BODY + 1), headers=headers(MAX_BODY + 1)) as answer:
                assert answer.status == 413
                assert (await answer.json())["error"]["type"] == "request_too_large"


async def test_one_connection_carries_many_requests(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=await request.read())

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        connector = aiohttp.UnixConnector(str(socket), limit=1)
        async with aiohttp.ClientSession(connector=connector, headers=PLACEHOLDER) as client:
            for number in range(20):
                async with client.post(MESSAGES, data=str(number)) as answer:
                    assert await answer.text() == str(number)
