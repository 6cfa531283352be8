"""The loopback port that leads to the gateway's socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hive_agent.harness.forwarder import Forwarder
from tests.support.manual_clock import ManualClock

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def port(tmp_path: Path, clock: ManualClock) -> AsyncIterator[int]:
    forwarder = Forwarder(tmp_path / "gateway.sock", clock)
    try:
        yield forwarder.listen(0)
    finally:
        await forwarder.close()


@asynccontextmanager
async def gateway(tmp_path: Path, serve: Serve) -> AsyncIterator[None]:
    """Serves each connection, and at the end waits until all are over."""
    connections: list[asyncio.Task[None]] = []

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.create_task(whole(reader, writer)))

    server = await asyncio.start_unix_server(accept, tmp_path / "gateway.sock")
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*connections)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()


async def test_an_answer_still_comes_when_the_asking_side_has_finished(port: int, tmp_path: Path) -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read()
        writer.write(b"you said: " + request)

    async with gateway(tmp_path, answer_at_the_end):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"all of it")
        writer.write_eof()
        assert await reader.read() == b"you said: all of it"
        writer.close()


async def test_many_connections_at_once_carry_what_is_larger_than_any_buffer(port: int, tmp_path: Path) -> None:
    async def one(number: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = bytes([number]) * 500_000

        async def write() -> None:
            writer.write(sent)
            await writer.drain()
            writer.write_eof()

        received, _ = await asyncio.gather(reader.read(), write())
        writer.close()
        return received == sent

    async with gateway(tmp_path, echo):
        assert all(await asyncio.gather(*(one(n) for n in range(20))))


async def test_a_reader_that_does_not_read_holds_the_sender_back(port: int, tmp_path: Path) -> None:
    sent = 0
    held = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(high=0)
        while True:
            writer.write(b"x" * 100_000)
            sent += 100_000
            try:
                async with asyncio.timeout(0.2):
                    await writer.drain()
            except TimeoutError:
                held.set()
                writer.transport.abort()
                return

    async with gateway(tmp_path, flood):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        await held.wait()
        assert sent < 50_000_000
        writer.close()


async def test_a_gateway_that_is_being_restarted_is_waited_for(port: int, tmp_path: Path, clock: ManualClock) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    await clock.advance(0.5)
    async with gateway(tmp_path, echo):
        answer = asyncio.create_task(reader.readexactly(5))
        while not answer.done():
            await clock.advance(0.1)
        assert answer.result() == b"hello"
        writer.close()


async def test_without_a_gateway_the_connection_ends_after_a_while(port: int, clock: ManualClock) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    end = asyncio.create_task(reader.read())
    while not end.done():
        await clock.advance(0.1)
    assert end.result() == b""
    writer.close()


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_meets_the_close_is_closed(tmp_path: Path, clock: ManualClock, turns: int) -> None:
    """Whatever has become of it by then: waiting to be accepted, accepted, or being served."""
    forwarder = Forwarder(tmp_path / "gateway.sock", clock)
    port = forwarder.listen(0)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(turns):
            await asyncio.sleep(0)
        await forwarder.close()
        connection.setblocking(False)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""


async def test_who_reads_nothing_does_not_keep_the_harness_from_ending(tmp_path: Path, clock: ManualClock) -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 1

    async def all_is_full() -> None:
        before = -1
        while before != sent:
            before = sent
            # On one machine, what can be passed on is passed on in the next turns of the loop.
            for _ in range(500):
                await asyncio.sleep(0)

    forwarder = Forwarder(tmp_path / "gateway.sock", clock)
    async with gateway(tmp_path, flood):
        with socket.create_connection(("127.0.0.1", forwarder.listen(0))):
            while not sent:
                await asyncio.sleep(0)
            await all_is_full()
            await forwarder.close()
