"""What is no HTTP, or never becomes a whole request, over plain sockets. The bounded time is a short one here."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from hive_base.clock import SystemClock
from hive_rpc.interfaces.operator.files import LogsRequest
from hive_rpc.logs import LogLine
from hive_rpc.types import Role
from hive_web.app import Timing, create_app
from hive_web.config import WebConfig
from hive_web.door import Door
from hive_web.feed import Pace
from hive_web.pages.agent_files import FOLLOWED
from hive_web.security import CONTENT_SECURITY_POLICY
from tests.support.dashboard import AT_ONCE
from tests.support.fake_core import FakeCore, FakeOperator

GET = b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n"
LONG = 600.0


@asynccontextmanager
async def listening(
    directory: Path, request_seconds: float = LONG, core: FakeCore | None = None, pace: Pace = AT_ONCE
) -> AsyncIterator[int]:
    """The port of a dashboard as its process serves it."""
    core = core or FakeCore()
    config = WebConfig(core_socket=directory / "core.sock", request_seconds=request_seconds)
    await core.start(config.core_socket)
    runner = Door(create_app(config, Timing(clock=core.clock, pace=pace)), config, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
        await core.stop()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    said = b""
    try:
        while piece := await reader.read(65536):
            said += piece
    except ConnectionResetError:
        pass  # closed while we still wrote
    return said


async def everything(port: int, sent: bytes) -> bytes:
    """What comes until the other side closes."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        said = await until_closed(reader)
        writer.close()
        return said


def post(body: bytes, *more: bytes, origin: bytes = b"http://localhost") -> bytes:
    head = (b"POST /sign-in HTTP/1.1", b"Host: localhost", b"Origin: " + origin, *more)
    kind = b"Content-Type: application/x-www-form-urlencoded"
    return b"\r\n".join((*head, kind, b"Connection: close", b"", body))


CHUNKED = b"Transfer-Encoding: chunked"
MALFORMED = {
    "no method": b"\r\n\r\nG@T / HTTP/1.1\r\n\r\n",
    "method of control bytes": b"GE\x01T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version of words": b"GET / HTTP/one.one\r\n\r\n",
    "space in the address": b"GET / x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "address of half a host": b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "header without a colon": GET + b"no colon\r\n\r\n",
    "header name with a space": GET + b"X : y\r\n\r\n",
    "header name of bytes": GET + b"X\xff: y\r\n\r\n",
    "NUL in an address": b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in a header": GET + b"X: a\0b\r\n\r\n",
    "bare CR in a header": GET + b"X: a\rSet-Cookie: b\r\n\r\n",
    "folded header": GET + b"X: a\r\n b\r\n\r\n",
    "two lengths": post(b"name=ada", b"Content-Length: 8", b"Content-Length: 3"),
    "length below nothing": post(b"", b"Content-Length: -1"),
    "length of words": post(b"", b"Content-Length: 0x10"),
    "length and chunks": post(b"0\r\n\r\n", b"Content-Length: 5", CHUNKED),
    "chunks not last": post(b"0\r\n\r\n", CHUNKED + b", identity"),
    "unknown coding": post(b"", b"Transfer-Encoding: xchunked"),
    "two codings": post(b"0\r\n\r\n", CHUNKED, CHUNKED),
    "chunk size of words": post(b"zz\r\nabc\r\n0\r\n\r\n", CHUNKED),
    "chunk size over 64 bits": post(b"f" * 17 + b"\r\nabc", CHUNKED),
    "chunk without an end": post(b"3\r\nabcdef\r\n0\r\n\r\n", CHUNKED),
    "huge header": GET + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
    "huge address": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "header without an end": GET + b"X: " + b"a" * 20_000,
    "very many headers": GET + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_http_is_refused_in_our_words_and_under_our_headers(tmp_path: Path, sent: bytes) -> None:
    async with listening(tmp_path) as port:
        said = await everything(port, sent)
        assert len(re.findall(rb"HTTP/\d\.\d \d", said)) == 1, "nothing of it is taken for a request of its own"
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.split()[1] in (b"400", b"403", b"431"), head
        for header in (f"Content-Security-Policy: {CONTENT_SECURITY_POLICY}", "X-Content-Type-Options: nosniff"):
            assert header.encode() in head
        assert b"Cache-Control: no-store" in head
        assert b"Server: hive\r\n" in head + b"\r\n"
        assert b"aiohttp" not in said.lower()
        assert b"Python" not in said
        assert b"Set-Cookie" not in said
        assert body.strip(), "and it says so"


async def test_what_is_http_is_answered(tmp_path: Path) -> None:
    """The control: the same sockets, with nothing wrong."""
    async with listening(tmp_path) as port:
        assert (await everything(port, GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")
        for body, *more in (
            (b"name=ada&password=wrong", b"Content-Length: 23"),
            (b"17\r\nname=ada&password=wrong\r\n0\r\n\r\n", CHUNKED),
        ):
            assert (await everything(port, post(body, *more))).startswith(b"HTTP/1.1 401")


SLOW = {
    "nothing": b"",
    "half an address": b"GET /si",
    "half a head": GET + b"X: y",
    "half a form": post(b"name=", b"Content-Length: 1000"),
    "half a chunk": post(b"5\r\nna", CHUNKED),
}


@pytest.mark.parametrize("start", SLOW.values(), ids=SLOW.keys())
async def test_a_request_that_trickles_is_cut_off_and_keeps_nobody_waiting(tmp_path: Path, start: bytes) -> None:
    """Bytes keep coming, so it is no idle connection. Two hundred of them at once."""
    async with listening(tmp_path, request_seconds=0.3) as port:

        async def trickle() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            said = asyncio.create_task(until_closed(reader))
            while start and not (await asyncio.wait({said}, timeout=0.05))[0]:
                writer.write(b"a")
            writer.close()
            return await said

        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            slow = [tasks.create_task(trickle()) for _ in range(200)]
            served = await everything(port, GET + b"Connection: close\r\n\r\n")
            assert served.startswith(b"HTTP/1.1 200")
        for task in slow:
            assert task.result() == b"" or task.result().startswith(b"HTTP/1.1 408"), task.result()


async def test_a_request_that_trickles_is_waited_for_where_there_is_time(tmp_path: Path) -> None:
    """The control: it is the limit that ends them."""
    async with listening(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        whole = post(b"name=ada&password=wrong", b"Content-Length: 23")
        for at in range(0, len(whole), 16):
            writer.write(whole[at : at + 16])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()


async def test_who_may_not_send_a_form_is_not_waited_for(tmp_path: Path) -> None:
    async with listening(tmp_path, request_seconds=0.3) as port:
        foreign = post(b"name=", b"Content-Length: 1000", origin=b"https://a.example")
        assert (await everything(port, foreign)).startswith(b"HTTP/1.1 403")


async def test_logs_that_somebody_follows_are_few_and_end_with_their_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: set[FakeOperator] = set()

    async def logs(self: FakeOperator, request: LogsRequest) -> AsyncIterator[LogLine]:
        followed.add(self)
        try:
            yield LogLine(at=datetime.now(UTC), source="x", priority=6, text="the last one for a long time")
            await asyncio.Event().wait()
        finally:
            followed.discard(self)

    monkeypatch.setattr(FakeOperator, "logs", logs)
    core = FakeCore(clock=SystemClock())
    core.agent("worker")
    cookie = f"Cookie: hive={core.sign_in('eve', Role.VIEWER)}\r\n"
    asked = f"GET /agent/worker/log HTTP/1.1\r\nHost: localhost\r\n{cookie}Accept: text/event-stream\r\n\r\n".encode()

    async def follow(port: int) -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asked)
        return (await reader.readline()).split()[1], writer

    pace = Pace(refresh_apart=0, refresh_every=60, recheck=60, heartbeat=0.05, retry=0.01)
    async with asyncio.timeout(20), listening(tmp_path, core=core, pace=pace) as port:
        pages = [await follow(port) for _ in range(FOLLOWED + 1)]
        assert [status for status, _ in pages] == [b"200"] * FOLLOWED + [b"429"]
        while len(followed) < FOLLOWED:
            await asyncio.sleep(0.01)
        for _, writer in pages:
            writer.close()
        while followed:
            await asyncio.sleep(0.01)
        status, writer = await follow(port)
        assert status == b"200"
        writer.close()
