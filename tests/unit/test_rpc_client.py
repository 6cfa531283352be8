"""What the typed client does, against real servers on real sockets, and against servers that misbehave."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from hive_rpc.client import Client, connect
from hive_rpc.errors import (
    ConflictError,
    ForbiddenError,
    HiveError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    TooLargeError,
    UnavailableError,
)
from hive_rpc.types import MAX_FRAME, Empty
from tests.support.rpc import CountRequest, Echo, EchoService, Item, Text, Then


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[EchoService]:
    async with EchoService(tmp_path).serving() as service:
        yield service


@pytest.fixture
async def client(service: EchoService) -> AsyncIterator[Client]:
    async with connect(service.path) as client:
        yield client


@pytest.fixture
def echo(client: Client) -> Echo:
    return client.proxy(Echo)


class TestCalls:
    async def test_a_proxy_is_an_instance_of_its_interface(self, echo: Echo) -> None:
        assert isinstance(echo, Echo)
        assert await echo.say(Text(text="hello")) == Text(text="hello")

    async def test_many_calls_at_once_each_get_their_own_reply(self, echo: Echo) -> None:
        said = await asyncio.gather(*(echo.say(Text(text=f"{n}", extra={"pad": "x" * n})) for n in range(1000)))
        assert [reply.text for reply in said] == [str(n) for n in range(1000)]

    async def test_calls_of_any_size_up_to_the_limit_arrive(self, echo: Echo) -> None:
        large = Text(text="x" * (MAX_FRAME - 200))
        assert await asyncio.gather(*(echo.say(large) for _ in range(5))) == [large] * 5

    async def test_a_oneway_call_is_carried_out(self, service: EchoService, client: Client) -> None:
        await client.oneway(Echo, Echo.say, Text(text="quiet"))
        await client.close()
        await service.story.until("closed")
        assert service.story.events == ["say quiet", "closed"]

    async def test_cancelling_a_call_leaves_the_connection_in_order(self, service: EchoService, echo: Echo) -> None:
        call = asyncio.ensure_future(echo.work(Text(text="")))
        await service.story.until("work begins")
        call.cancel()
        later = asyncio.ensure_future(echo.say(Text(text="later")))
        service.release.set()
        assert (await later).text == "later"
        assert service.story.events == ["work begins", "work done", "say later"]

    async def test_cancelling_a_long_poll_tells_the_server_by_closing(self, service: EchoService, echo: Echo) -> None:
        call = asyncio.ensure_future(echo.wait(Text(text="")))
        await service.story.until("wait begins")
        call.cancel()
        await service.story.until("closed")
        assert service.story.events == ["wait begins", "wait ends", "closed"]
        with pytest.raises(UnavailableError):
            await echo.say(Text(text="too late"))


class TestErrors:
    async def test_what_the_server_raised_is_raised_here(self, service: EchoService) -> None:
        service.failure = RateLimitedError("Slow down.", hint="Wait.", retry_after=2, limit=5)
        async with connect(service.path) as client:
            with pytest.raises(RateLimitedError) as caught:
                await client.proxy(Echo).fail(Text(text=""))
        assert (caught.value.sentence(), caught.value.retry_after, caught.value.limit) == ("Slow down. Wait.", 2, 5)

    async def test_an_invalid_parameter_is_named(self, echo: Echo) -> None:
        with pytest.raises(InvalidError) as caught:
            await echo.say(Text.model_construct(text="hello", name="No such name!"))
        assert caught.value.field == "name"
        assert caught.value.message.startswith("name: ")

    async def test_a_method_that_nobody_implements_is_not_found(self, echo: Echo) -> None:
        with pytest.raises(NotFoundError, match=r"org\.hive\.test\.Echo\.NotThere"):
            await echo.not_there(Empty())

    async def test_a_call_over_the_limit_is_refused_before_it_is_sent(self, echo: Echo) -> None:
        with pytest.raises(TooLargeError) as caught:
            await echo.say(Text(text="x" * MAX_FRAME))
        assert caught.value.limit == MAX_FRAME
        assert (await echo.say(Text(text="small"))).text == "small"

    async def test_a_call_that_json_cannot_carry_is_refused_before_it_is_sent(self, echo: Echo) -> None:
        with pytest.raises(InvalidError):
            await echo.say(Text(text="\udcff"))
        assert (await echo.say(Text(text="fine"))).text == "fine"


class TestStreams:
    async def test_a_stream_is_iterated_and_leaves_the_connection_free(self, echo: Echo) -> None:
        for _ in range(2):
            assert [item.number async for item in echo.count(CountRequest(upto=3))] == [0, 1, 2]
        assert [item async for item in echo.count(CountRequest(upto=0))] == []
        assert (await echo.say(Text(text="after"))).text == "after"

    async def test_an_error_in_a_stream_comes_after_its_items(self, service: EchoService) -> None:
        service.failure = RateLimitedError()
        async with connect(service.path) as client:
            echo = client.proxy(Echo)
            stream = echo.count(CountRequest(upto=2, then=Then.FAIL))
            numbers = [(await anext(stream)).number for _ in range(2)]
            with pytest.raises(RateLimitedError):
                await anext(stream)
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
            assert numbers == [0, 1]
            assert (await echo.say(Text(text="after"))).text == "after"

    async def test_nothing_is_called_until_the_first_item_is_asked_for(self, service: EchoService, echo: Echo) -> None:
        echo.count(CountRequest(upto=1))
        await echo.say(Text(text="alone"))
        assert service.story.events == ["say alone"]

    async def test_leaving_a_stream_early_closes_the_connection(self, service: EchoService, echo: Echo) -> None:
        async for item in echo.count(CountRequest(upto=1, then=Then.WAIT)):
            assert item.number == 0
            break
        await service.story.until("closed")
        assert "count ends" in service.story.events
        with pytest.raises(UnavailableError):
            await echo.say(Text(text="too late"))

    async def test_cancelling_who_reads_a_stream_closes_the_connection(self, service: EchoService, echo: Echo) -> None:
        async def read() -> None:
            async for _ in echo.count(CountRequest(upto=1, then=Then.WAIT)):
                pass

        reading = asyncio.ensure_future(read())
        await service.story.until("count waits")
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        del reading
        await service.story.until("closed")

    async def test_closing_the_client_ends_a_stream_that_waits(
        self, service: EchoService, client: Client, echo: Echo
    ) -> None:
        stream = echo.count(CountRequest(upto=1, then=Then.WAIT))
        await anext(stream)
        following = asyncio.ensure_future(anext(stream))
        await service.story.until("count waits")
        await client.close()
        with pytest.raises(UnavailableError):
            await following
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await service.story.until("closed")

    async def test_giving_up_on_one_item_does_not_end_the_stream(self, service: EchoService, echo: Echo) -> None:
        stream = echo.count(CountRequest(upto=2))
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        assert [item.number async for item in stream] == [0, 1]

    async def test_a_connection_that_carries_a_stream_takes_no_other_call(self, echo: Echo) -> None:
        stream = echo.count(CountRequest(upto=1, then=Then.WAIT))
        await anext(stream)
        with pytest.raises(ConflictError):
            await echo.say(Text(text="in between"))
        with pytest.raises(ConflictError):
            await anext(echo.count(CountRequest(upto=1)))

    async def test_one_that_reads_slowly_gets_everything_in_order(self, service: EchoService, echo: Echo) -> None:
        stream = echo.count(CountRequest(upto=200, size=20_000))
        assert (await anext(stream)).number == 0
        for _ in range(1000):
            await asyncio.sleep(0)
        assert service.connections[0].counted < 200, "the server should wait for the one who reads"
        assert [item.number async for item in stream] == list(range(1, 200))

    async def test_after_a_stream_that_was_read_slowly_the_connection_is_free(self, echo: Echo) -> None:
        stream = echo.count(CountRequest(upto=14, size=20_000))
        await anext(stream)
        for _ in range(1000):
            await asyncio.sleep(0)
        assert [item.number async for item in stream] == list(range(1, 14))
        assert (await echo.say(Text(text="free"))).text == "free"

    async def test_a_stream_closed_before_its_first_item_was_never_opened(
        self, service: EchoService, echo: Echo
    ) -> None:
        stream = cast(AsyncGenerator[Item, None], echo.count(CountRequest(upto=1)))
        await stream.aclose()
        assert [item async for item in stream] == []
        await echo.say(Text(text="free"))
        assert service.story.events == ["say free"]


class TestALostServer:
    async def test_everything_awaited_fails_and_says_so(self, tmp_path: Path) -> None:
        async with EchoService(tmp_path).serving() as service, connect(service.path) as client:
            echo = client.proxy(Echo)
            calls = [asyncio.ensure_future(echo.wait(Text(text=""))) for _ in range(3)]
            await service.story.until("wait begins")
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, UnavailableError)
            assert str(service.path) in result.message
            assert result.hint

    async def test_a_stream_fails_after_the_items_that_had_come(self, tmp_path: Path) -> None:
        service = EchoService(tmp_path)
        async with contextlib.AsyncExitStack() as stack:
            async with service.serving():
                client = await stack.enter_async_context(connect(service.path))
                stream = client.proxy(Echo).count(CountRequest(upto=2, then=Then.WAIT))
                assert (await anext(stream)).number == 0
                await service.story.until("count waits")
            assert (await anext(stream)).number == 1
            with pytest.raises(UnavailableError):
                await anext(stream)

    @pytest.mark.parametrize(
        "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n\0", b"\0", b"x" * (MAX_FRAME + 1), b"{}\0{}\0{}\0", b""]
    )
    async def test_one_that_does_not_speak_varlink_is_not_understood(self, tmp_path: Path, answer: bytes) -> None:
        async with answering(tmp_path / "s", answer), connect(tmp_path / "s") as client:
            with pytest.raises(HiveError):
                await client.proxy(Echo).say(Text(text="hello"))
            with pytest.raises(UnavailableError):
                await client.proxy(Echo).say(Text(text="hello"))

    async def test_a_reply_of_another_shape_is_told_apart(self, tmp_path: Path) -> None:
        async with answering(tmp_path / "s", b'{"parameters":{"txet":"hello"}}\0'), connect(tmp_path / "s") as client:
            with pytest.raises(HiveError, match="another shape"):
                await client.proxy(Echo).say(Text(text="hello"))

    async def test_a_stream_may_end_as_varlink_has_it_with_its_last_item(self, tmp_path: Path) -> None:
        answer = b'{"continues":true,"parameters":{"number":1}}\0{"parameters":{"number":2}}\0'
        async with answering(tmp_path / "s", answer), connect(tmp_path / "s") as client:
            items = client.proxy(Echo).count(CountRequest(upto=2))
            assert [item.number async for item in items] == [1, 2]


class TestConnecting:
    async def test_nobody_there(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError) as caught:
            await Client.connect(tmp_path / "none" / "s")
        assert str(tmp_path) in caught.value.message
        assert caught.value.hint

    async def test_nobody_there_any_more(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(tmp_path / "s"))
        with pytest.raises(UnavailableError):
            await Client.connect(tmp_path / "s")

    async def test_a_socket_that_one_may_not_open(self, service: EchoService) -> None:
        with as_nobody(), pytest.raises(ForbiddenError):
            await Client.connect(service.path)
        await (await Client.connect(service.path)).close()

    async def test_a_path_too_long_for_the_kernel(self, tmp_path: Path) -> None:
        directory = tmp_path / ("d" * 100) / ("e" * 100)
        directory.mkdir(parents=True)
        async with EchoService(directory).serving() as service, connect(service.path) as client:
            assert (await client.proxy(Echo).say(Text(text="far"))).text == "far"
            with pytest.raises(ConflictError):
                async with EchoService(directory).serving():
                    pass
        assert not service.path.exists()

    async def test_a_server_that_is_slow_to_accept_is_waited_for(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listening, contextlib.ExitStack() as stack:
            listening.bind(str(tmp_path / "s"))
            listening.listen(0)
            for connection in fill_backlog(tmp_path / "s"):
                stack.enter_context(connection)
            connecting = asyncio.ensure_future(Client.connect(tmp_path / "s"))
            await asyncio.sleep(0)
            assert not connecting.done()
            stack.enter_context(listening.accept()[0])
            await (await connecting).close()

    def test_importing_it_is_cheap(self) -> None:
        """The harness of an idle agent imports this, and there may be a thousand of them."""
        code = "import sys, hive_rpc.client, hive_rpc.server; print(*sys.modules)"
        loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
        assert "hive_rpc.client" in loaded
        assert not loaded & {
            "aiohttp",
            "click",
            "hypothesis",
            "jinja2",
            "hive_rpc.idl",
            "pydantic.v1",
            "pydantic.networks",
        }


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Run without the right to pass through a temporary directory of ours, which root always has."""
    before = os.geteuid()
    if before != 0:
        pytest.skip("only root can become somebody else")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def fill_backlog(path: Path) -> Iterator[socket.socket]:
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(str(path))
        except BlockingIOError:
            connection.close()
            return
        yield connection


@asynccontextmanager
async def answering(path: Path, answer: bytes) -> AsyncIterator[None]:
    """A server that answers the first thing it hears with these bytes, and then hangs up when it hears more."""
    gone: asyncio.Queue[None] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\0")
        writer.write(answer)
        if not answer:
            writer.close()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        gone.put_nowait(None)

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()
        await gone.get()
