"""What a hostile container cannot do at its socket. Each attempt stands beside the request that does pass."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from hive_gateway.standin.app import StandIn
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY
from tests.support.gateway import MESSAGES, agent_socket, api_server, client_of, proxied, raw

KEY_LINE = f"x-api-key: {PLACEHOLDER_API_KEY}\r\n".encode()


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [line, b"Host: gateway", *headers, f"x-api-key: {PLACEHOLDER_API_KEY}".encode(), b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def arrivals(directory: Path, attempt: bytes) -> tuple[int, bytes]:
    """How many requests the API sees of these bytes, and what the agent gets for them."""
    seen: list[str] = []

    async def api(incoming: web.BaseRequest) -> web.StreamResponse:
        seen.append(incoming.raw_path)
        await incoming.read()
        return web.Response(text="from the API")

    async with api_server(api) as server, proxied(directory, str(server.make_url("/"))) as socket:
        answer = await raw(socket, attempt)
    return len(seen), answer


@pytest.mark.parametrize(
    "line",
    [
        b"POST /v1/messages HTTP/1.1",
        b"POST /v1/messages?beta=true HTTP/1.1",
        b"POST /v1/messages/count_tokens HTTP/1.1",
        b"POST /v1/messages HTTP/1.0",
    ],
)
async def test_the_messages_api_is_let_through(tmp_path: Path, line: bytes) -> None:
    seen, answer = await arrivals(tmp_path, request(line, b"Content-Length: 2", body=b"{}"))

    assert seen == 1
    assert b"200 OK" in answer
    assert b"from the API" in answer


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/messages HTTP/1.1",
        b"DELETE /v1/messages HTTP/1.1",
        b"POST / HTTP/1.1",
        b"GET /v1/models HTTP/1.1",
        b"POST /v1/files HTTP/1.1",
        b"POST /v1/organizations/users HTTP/1.1",
        b"POST /api/oauth/claude_cli/create_api_key HTTP/1.1",
        b"POST /v1/messages/ HTTP/1.1",
        b"POST //v1/messages HTTP/1.1",
        b"POST /v1/%6dessages HTTP/1.1",
        b"POST /v1/messages%2fbatches HTTP/1.1",
        b"POST /v1/messages/../files HTTP/1.1",
        b"POST /v1/messages;x HTTP/1.1",
        b"POST /v1/messages#x HTTP/1.1",
        b"POST http://169.254.169.254/v1/messages HTTP/1.1",
        b"POST http://gateway/v1/messages HTTP/1.1",
        b"POST https://api.anthropic.com/v1/messages HTTP/1.1",
        b"CONNECT 127.0.0.1:22 HTTP/1.1",
        b"CONNECT api.anthropic.com:443 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
    ],
)
async def test_nothing_else_is_let_through(tmp_path: Path, line: bytes) -> None:
    seen, answer = await arrivals(tmp_path, request(line))

    assert seen == 0
    assert answer.split(b" ")[1] in (b"400", b"404", b"405")


@pytest.mark.parametrize(
    "attempt",
    [
        request(
            b"POST /v1/messages HTTP/1.1",
            b"Content-Length: 4",
            b"Transfer-Encoding: chunked",
            body=b"0\r\n\r\nPOST /v1/messages HTTP/1.1\r\nHost: x\r\n" + KEY_LINE + b"\r\n",
        ),
        request(b"POST /v1/messages HTTP/1.1", b"Content-Length: 2", b"Content-Length: 3", body=b"{} "),
        request(b"POST /v1/messages HTTP/1.1", b"Content-Length: +2", body=b"{}"),
        request(b"POST /v1/messages HTTP/1.1", b"Content-Length : 2", body=b"{}"),
        request(b"POST /v1/messages HTTP/1.1", b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
        request(b"POST /v1/messages HTTP/1.1", b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
        request(b"POST /v1/messages HTTP/1.1", b"x-a: b\r\n folded", b"Content-Length: 2", body=b"{}"),
        request(b"POST /v1/messages HTTP/1.1", b"x-a: b\rx-c: d", b"Content-Length: 2", body=b"{}"),
        request(b"POST /v1/messages HTTP/1.1", b"x-a: " + b"a" * 100_000),
        request(b"POST /v1/messages HTTP/1.1", *[b"x-a: b"] * 1000),
        request(b"POST /v1/messages?" + b"a" * 100_000 + b" HTTP/1.1"),
    ],
    ids=["CL.TE", "two lengths", "signed", "space", "TE", "TE list", "folded", "bare CR", "long", "many", "query"],
)
async def test_a_request_that_two_servers_could_read_differently_is_refused(tmp_path: Path, attempt: bytes) -> None:
    seen, answer = await arrivals(tmp_path, attempt)

    assert seen == 0
    assert answer.startswith(b"HTTP/1.0 400") or answer.startswith(b"HTTP/1.1 400")


async def test_what_follows_a_request_to_upgrade_is_not_tunnelled(tmp_path: Path) -> None:
    seen, answer = await arrivals(
        tmp_path,
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        b"POST /v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )

    assert seen == 0
    assert b"101" not in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "sk-ant-api03-somebodys-own"},
        {"x-api-key": ""},
        {"authorization": "Bearer sk-ant-oat01-somebodys-own"},
        {"authorization": f"Basic {PLACEHOLDER_API_KEY}"},
        {"x-api-key": "sk-ant-api03-somebodys-own", "authorization": f"Bearer {PLACEHOLDER_API_KEY}"},
    ],
)
async def test_a_credential_of_the_agent_s_own_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    seen = []

    async def api(incoming: web.BaseRequest) -> web.StreamResponse:
        seen.append(incoming)
        return web.Response()

    async with api_server(api) as server, proxied(tmp_path, str(server.make_url("/"))) as socket:
        async with client_of(socket) as client:
            async with client.post(MESSAGES, headers=headers) as answer:
                assert answer.status == 403
                text = await answer.text()
            assert seen == []
            assert PLACEHOLDER_API_KEY in text
            assert "somebodys-own" not in text
            assert (await client.post(MESSAGES)).status == 200


async def test_a_placeholder_as_bearer_token_is_swapped_too(tmp_path: Path) -> None:
    attempt = (
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer " + PLACEHOLDER_API_KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n"
    )

    assert (await arrivals(tmp_path, attempt))[0] == 1


async def test_an_agent_can_hold_only_so_many_connections(tmp_path: Path) -> None:
    async with agent_socket(tmp_path, StandIn(), connections=2) as socket:
        held = [await asyncio.open_unix_connection(str(socket)) for _ in range(2)]
        attempt = request(b"HEAD / HTTP/1.1")
        refused = await raw(socket, attempt)
        for _, writer in held:
            writer.close()
        while not (answered := await raw(socket, attempt)):
            await asyncio.sleep(0)

    assert refused == b""
    assert answered.startswith(b"HTTP/1.1 200")


async def test_requests_that_cannot_be_read_do_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await arrivals(tmp_path, request(b"POST /v1/messages HTTP/1.1", b"Content-Length: many"))

    assert caplog.records == []
