"""What an agent is told when the API fails, and that the key is in none of it."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from hive_base.prices import Tokens
from hive_gateway.book import Book, Spent
from hive_gateway.exchange import Exchange
from hive_rpc.errors import StorageError
from tests.support.gateway import KEY, MESSAGES, Api, agent_socket, api_server, client_of, parts, proxied
from tests.support.loop_time import LoopTime


@pytest.fixture(autouse=True)
async def no_key_in_the_log(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    logged = "\n".join(
        [caplog.text, *(f"{record.args!r} {record.exc_info!r} {record.__dict__!r}" for record in caplog.records)]
    )
    assert KEY not in logged


async def told(agent_socket: Path) -> tuple[int, dict[str, Any]]:
    """The status and the error that an agent gets."""
    async with client_of(agent_socket) as client, client.post(MESSAGES, data=b"{}") as answer:
        text = await answer.text()
        body = await answer.json()
    assert KEY not in text + str(answer.headers)
    assert body["type"] == "error"
    assert body["request_id"] == answer.headers["request-id"]
    return answer.status, body["error"]


async def told_by(api: Api, directory: Path, **limits: float) -> tuple[int, dict[str, Any]]:
    async with api_server(api) as server, proxied(directory, str(server.make_url("/")), **limits) as path:
        return await told(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_an_api_that_nobody_serves(tmp_path: Path) -> None:
    async with proxied(tmp_path, f"http://127.0.0.1:{free_port()}") as path:
        assert await told(path) == (
            502,
            {"type": "api_error", "message": "The model API cannot be reached from the hive."},
        )


async def test_an_api_whose_name_is_unknown(tmp_path: Path) -> None:
    async with proxied(tmp_path, "https://nothing.invalid") as path:
        assert (await told(path))[0] == 502


async def test_an_api_that_does_not_speak_tls(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    async with api_server(api) as server, proxied(tmp_path, f"https://127.0.0.1:{server.port}") as path:
        assert (await told(path))[0] == 502


async def test_an_api_that_hangs_up(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    assert (await told_by(api, tmp_path))[0] == 502


async def test_an_api_that_says_nothing_in_time(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    status, error = await told_by(api, tmp_path, silence_seconds=0.05)

    assert (status, error["type"]) == (504, "timeout_error")


async def test_an_api_that_refuses_the_key_and_quotes_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"error": f"bad key {request.headers['x-api-key']}"}, status=401)

    status, error = await told_by(api, tmp_path)

    assert (status, error["type"]) == (401, "authentication_error")
    assert any("refuses the credential" in record.message for record in caplog.records)


async def test_an_api_that_redirects_is_not_followed(tmp_path: Path) -> None:
    followed: list[str] = []

    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        followed.append(request.headers["x-api-key"])
        return web.Response()

    async with api_server(elsewhere) as other:

        async def api(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=307, headers={"location": str(other.make_url("/"))})

        status, _ = await told_by(api, tmp_path)

    assert (status, followed) == (502, [])


@pytest.mark.parametrize("framing", ["chunked", "with a length"])
async def test_an_answer_that_breaks_off_does_not_look_whole(tmp_path: Path, framing: str) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": "100"} if framing == "with a length" else {})
        await response.prepare(request)
        await response.write(b"the first words")
        assert request.transport is not None
        request.transport.close()
        return response

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as path:
        async with client_of(path) as client, client.post(MESSAGES) as answer:
            assert await answer.content.readany() == b"the first words"
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.content.read()


async def test_an_answer_that_goes_silent_is_cut_off(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"the first words")
        await asyncio.Event().wait()
        return response

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/")), silence_seconds=0.05) as path:
        async with client_of(path) as client, client.post(MESSAGES) as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_an_answer_that_is_slow_is_not_one_that_goes_silent(tmp_path: Path) -> None:
    words: asyncio.Queue[bytes] = asyncio.Queue()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(await words.get())

    time = LoopTime()
    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/")), silence_seconds=60) as path:
        async with client_of(path) as client, client.post(MESSAGES) as answer:
            for word in (b"one", b"two", b"three", b"four"):
                time.forward(45)
                words.put_nowait(word)
                assert await answer.content.readany() == word
            time.forward(60)
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_an_answer_that_says_impossible_numbers_is_nobody_else_s_trouble(tmp_path: Path) -> None:
    def asking(text: str) -> dict[str, Any]:
        return {"model": "opus", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}

    async with parts(tmp_path) as made, client_of(made.socket) as client:
        for text in ("say hi [[stand-in: usage input=99999999999999999999]]", "say hi", "say hi"):
            async with asyncio.timeout(10), client.post(MESSAGES, json=asking(text)) as answer:
                assert answer.status == 200
                await answer.read()
        assert made.treasury.spending()[0].requests == 3


async def test_the_book_goes_on_after_what_it_has_no_room_for(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite")
    await book.open()

    def spent(name: str, tokens: int) -> Spent:
        return Spent(name, datetime.now(UTC), "worker", "default", "m", "m", Tokens(input=tokens), 0, 0, exact=True)

    written = await asyncio.gather(
        *(book.spend(spent(*one)) for one in (("a", 1), ("b", 2**64), ("c", 3))), return_exceptions=True
    )
    assert [type(end) for end in written] == [type(None), StorageError, type(None)]
    assert [row[4] for row in await book.spent_since(datetime.now(UTC) - timedelta(hours=1))] == [1, 3]
    await book.close()


async def test_a_fault_of_the_gateway_itself_is_an_error_of_the_api_s_shape(tmp_path: Path) -> None:
    class Broken:
        async def answer(self, exchange: Exchange) -> web.StreamResponse:
            raise RuntimeError("something internal")

    async with agent_socket(tmp_path, Broken()) as path:
        status, error = await told(path)

    assert (status, error) == (500, {"type": "api_error", "message": "Internal error of the gateway."})
