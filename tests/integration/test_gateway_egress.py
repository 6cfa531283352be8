"""The way out: what an agent may reach through its proxy, and everything that a hostile one may try.

The servers are on loopback and are allowed by their addresses, as an operator would have to. Names lead where a test
says; those that lead into the internet are only ever refused before anything is sent.
"""

import asyncio
import base64
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hive_base.clock import Clock, SystemClock
from hive_gateway.book import Book
from hive_gateway.config import EgressConfig
from hive_gateway.egress import addresses, dialer, gate
from hive_gateway.egress.gate import DIALLED_AT_ONCE, EgressGate
from hive_gateway.egress.request import MAX_HEAD
from hive_gateway.egress.resolver import Resolver, SystemResolver
from hive_gateway.egress.socket import EgressSocket
from hive_gateway.egress.volume import UNWRITTEN
from hive_rpc.accounts import EgressEntry, Verdict
from hive_rpc.egress import Address
from hive_rpc.interfaces.gateway import AgentsReply, GatewayAgent
from tests.support.egress import Names, gate_over, listening, site_proxy
from tests.support.manual_clock import ManualClock


@dataclass
class Way:
    """An agent's way out."""

    gate: EgressGate
    book: Book
    listener: EgressSocket
    names: Any

    @property
    def socket(self) -> Path:
        return self.listener.path

    def allow(self, *rules: str, stopped: str | None = None) -> None:
        agent = GatewayAgent(name="worker", directory="/", egress=list(rules))
        self.gate.follow(AgentsReply(agents=[agent], stopped=stopped))

    async def say(self, said: bytes) -> bytes:
        """All that comes back for it, with no more to say."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            writer.write(said)
            writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def log(self) -> list[EgressEntry]:
        """Of the connections that have ended, once all have."""
        while self.listener._tasks:
            await asyncio.sleep(0)
        return await self.book.egress(agent=None, before=None, limit=500)


@asynccontextmanager
async def way(
    directory: Path, names: Resolver | None = None, clock: Clock | None = None, **config: float
) -> AsyncIterator[Way]:
    settings = EgressConfig.model_validate(config)
    names = names or Names()
    book = Book(directory / "book.sqlite")
    await book.open()
    made = await gate_over(book, names, settings, clock or SystemClock())
    socket = EgressSocket(made, agent="worker", directory=directory, connections=settings.connections_per_agent)
    await socket.start()
    try:
        yield Way(made, book, socket, names)
    finally:
        await socket.close(0)
        await book.close()


def connect(target: str) -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()


async def test_a_tunnel_carries_bytes_both_ways_and_is_in_the_log(tmp_path: Path) -> None:
    async with way(tmp_path) as out, listening() as server:
        out.allow(f"127.0.0.1:{server.port}")
        answer = await out.say(connect(f"127.0.0.1:{server.port}") + b"hello")
        [entry] = await out.log()

    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nheard: helloend of hearing"
    assert (entry.agent, entry.host, entry.port, entry.verdict) == ("worker", "127.0.0.1", server.port, Verdict.ALLOWED)
    assert (entry.sent, entry.received, entry.address) == (5, len(b"heard: helloend of hearing"), "127.0.0.1")


async def test_what_no_rule_names_is_refused_with_how_to_ask_for_it(tmp_path: Path) -> None:
    async with way(tmp_path) as out:
        answer = (await out.say(connect("github.com:443"))).decode()
        [entry] = await out.log()
        assert out.names.asked == []

    assert answer.startswith("HTTP/1.1 403 ")
    assert 'egress = ["github.com:443"]' in answer
    assert (entry.verdict, entry.host) == (Verdict.REFUSED, "github.com")


async def test_a_request_in_the_absolute_form_goes_to_where_it_says(tmp_path: Path) -> None:
    async with way(tmp_path) as out, listening() as server:
        place = f"127.0.0.1:{server.port}"
        out.allow(place)
        asked = (
            f"GET http://{place}/a/b?c=d HTTP/1.1\r\nHost: somewhere.else\r\nProxy-Authorization: Basic x\r\n"
            f"Connection: keep-alive\r\nX-Mine: 1\r\n\r\n"
        )
        assert (await out.say(asked.encode())).startswith(b"heard: ")
        [entry] = await out.log()

    assert entry.sent == len(server.text)
    lines = server.text.decode().split("\r\n")
    assert lines == ["GET /a/b?c=d HTTP/1.1", f"Host: {place}", "Connection: close", "X-Mine: 1", "", ""]


@pytest.mark.parametrize(
    "target",
    [
        *(
            "127.0.0.1:{port}",
            "localhost:{port}",
            "[::1]:{port}",
            "[::ffff:127.0.0.1]:{port}",
            "[::ffff:7f00:1]:{port}",
        ),
        *("2130706433:{port}", "017700000001:{port}", "0x7f000001:{port}", "127.1:{port}", "0177.0.0.1:{port}"),
        *("0.0.0.0:{port}", "0:{port}", "127.0.0.1.:{port}", "127.0.0.1%00.allowed.example:{port}"),
        *(
            "allowed.example@127.0.0.1:{port}",
            "allowed.example:{port}@127.0.0.1:{port}",
            "127.0.0.1:{port}#allowed.example",
        ),
        *(
            "loop.example:{port}",
            "mapped.example:{port}",
            "meta.example:{port}",
            "sub.allowed.example.evil.example:{port}",
        ),
    ],
)
async def test_no_spelling_leads_to_the_host_itself(tmp_path: Path, target: str) -> None:
    """Positive control: named by its address, it is reached."""
    names = Names(
        loop_example=[["127.0.0.1"]],
        mapped_example=[["::ffff:127.0.0.1"]],
        meta_example=[["169.254.169.254"]],
        localhost=[["127.0.0.1"]],
    )
    async with way(tmp_path, names) as out, listening() as server:
        rules = [f"{name}:{server.port}" for name in ("allowed.example", "loop.example", "mapped.example")]
        out.allow(*rules, f"meta.example:{server.port}", f"*.allowed.example:{server.port}")
        asked = target.format(port=server.port)
        answers = [
            await out.say(connect(asked) + b"hello"),
            await out.say(f"GET http://{asked}/ HTTP/1.1\r\n\r\n".encode()),
        ]
        assert server.heard == []
        assert {answer.split(b" ")[1] for answer in answers} <= {b"400", b"403", b"502"}

        out.allow(*rules, f"127.0.0.1:{server.port}")
        assert b"heard: hello" in await out.say(connect(f"127.0.0.1:{server.port}") + b"hello")


async def test_a_name_is_looked_up_once_and_what_was_looked_at_is_what_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads into the internet first and to the host itself then (rebinding) is not asked a second time."""
    async with listening() as server:
        names = Names(rebound_example=[["127.0.0.1"], ["10.0.0.1"]])
        async with way(tmp_path, names) as out:
            out.allow(f"rebound.example:{server.port}")
            # As if the first address were one in the internet: it is the one that is connected to.
            monkeypatch.setattr(dialer, "why_not", lambda a: None if str(a) == "127.0.0.1" else addresses.why_not(a))
            assert b"heard: hello" in await out.say(connect(f"rebound.example:{server.port}") + b"hello")
            assert names.asked == ["rebound.example"]
            assert b" 403 " in await out.say(connect(f"rebound.example:{server.port}") + b"hello")
    assert server.text == b"hello"


async def test_a_name_with_bad_addresses_only_is_refused(tmp_path: Path) -> None:
    async with listening() as server:
        names = Names(mixed_example=[["127.0.0.1", "10.0.0.1"]])
        async with way(tmp_path, names) as out:
            out.allow(f"mixed.example:{server.port}")
            answer = await out.say(connect(f"mixed.example:{server.port}") + b"hello")
    assert b" 403 " in answer
    assert server.heard == []


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
        b"GET https://allowed.example/ HTTP/1.1\r\n\r\n",
        b"GET ftp://allowed.example/ HTTP/1.1\r\n\r\n",
        b"CONNECT allowed.example HTTP/1.1\r\n\r\n",
        b"CONNECT allowed.example:0 HTTP/1.1\r\n\r\n",
        b"CONNECT allowed.example:443/x HTTP/1.1\r\n\r\n",
        b"CONNECT  allowed.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT allowed.example:443 HTTP/2\r\n\r\n",
        b"CONNECT allowed.example:443\r\n\r\n",
        b"connect allowed.example:443 HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nbad header: x\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nx: a\rb\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nx: a\nhost: b\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nx : y\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"CONNECT allowed.example:443 HTTP/1.1\r\n" + b"x: y\r\n" * 20_000,
        b"CONNECT " + b"a" * 100_000 + b":443 HTTP/1.1\r\n\r\n",
        b"half a request",
    ],
)
async def test_what_is_no_request_to_a_proxy_is_refused(tmp_path: Path, said: bytes) -> None:
    async with way(tmp_path) as out:
        out.allow("allowed.example:443", "127.0.0.1:1")
        answer = await out.say(said)
        assert out.names.asked == []
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


async def test_endless_headers_are_not_kept(tmp_path: Path) -> None:
    async with way(tmp_path) as out:
        reader, writer = await asyncio.open_unix_connection(str(out.socket))
        writer.write(b"CONNECT a.example:1 HTTP/1.1\r\n")
        written = 0
        try:
            while written < 100 * MAX_HEAD and not reader.at_eof():
                writer.write(b"x: " + b"y" * 1000 + b"\r\n")
                written += 1005
                await writer.drain()
                await asyncio.sleep(0)
                if reader._buffer:  # type: ignore[attr-defined]
                    break
        except ConnectionError:
            pass
        writer.close()
    assert written < 100 * MAX_HEAD


async def test_what_follows_the_head_goes_to_the_same_place_and_to_no_other(tmp_path: Path) -> None:
    async with way(tmp_path) as out, listening() as allowed, listening() as other:
        out.allow(f"127.0.0.1:{allowed.port}")
        smuggled = f"GET http://127.0.0.1:{other.port}/ HTTP/1.1\r\nHost: x\r\n\r\n"
        for framing in ("Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked", "X: y"):
            head = f"POST http://127.0.0.1:{allowed.port}/ HTTP/1.1\r\n{framing}\r\n\r\n0\r\n\r\n"
            await out.say(head.encode() + smuggled.encode() + connect(f"127.0.0.1:{other.port}"))
    assert other.heard == []
    assert allowed.text.count(b"POST / HTTP/1.1") == 3


async def test_an_agent_has_only_so_many_connections_and_bytes(tmp_path: Path) -> None:
    async with way(tmp_path, connections_per_agent=2, bytes_per_day=1000) as out, listening() as server:
        out.allow(f"127.0.0.1:{server.port}")
        held = [await asyncio.open_unix_connection(str(out.socket)) for _ in range(2)]
        assert await out.say(connect(f"127.0.0.1:{server.port}")) == b""
        for _, writer in held:
            writer.close()
        while not (answer := await out.say(connect(f"127.0.0.1:{server.port}") + b"x" * 2000)):
            await asyncio.sleep(0)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b" 403 " in await out.say(connect(f"127.0.0.1:{server.port}"))
        [refused, cut] = await out.log()
    assert "cut off" in cut.detail
    assert "1000 bytes" in refused.detail
    assert len(server.text) <= 2000


async def test_a_restart_gives_nobody_a_new_day(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 5, 1, 10, 20, tzinfo=UTC))
    async with listening() as server:
        place = f"127.0.0.1:{server.port}"
        for size in (300, 180):
            async with way(tmp_path, clock=clock, bytes_per_day=1000) as out:
                out.allow(place)
                # Counted both ways, with "heard: " and "end of hearing": 621 bytes, then 381.
                assert b" 200 " in await out.say(connect(place) + b"x" * size)
        async with way(tmp_path, clock=clock, bytes_per_day=1000) as out:
            out.allow(place)
            assert b" 403 " in await out.say(connect(place))
            # A clock that is set ahead and back forgets nothing either.
            await clock.advance(1000 * 86400)
            assert b" 200 " in await out.say(connect(place))
            await clock.advance(-1000 * 86400)
            assert b" 403 " in await out.say(connect(place))
        await clock.advance(14 * 3600)
        async with way(tmp_path, clock=clock, bytes_per_day=1000) as out:
            out.allow(place)
            assert b" 200 " in await out.say(connect(place))


async def test_what_a_long_connection_moves_is_in_the_book_before_it_ends(tmp_path: Path) -> None:
    """So a gateway that is killed loses the count of the last few megabytes at most."""
    clock = SystemClock()
    async with way(tmp_path, clock=clock) as out, listening() as server:
        place = f"127.0.0.1:{server.port}"
        out.allow(place)
        reader, writer = await asyncio.open_unix_connection(str(out.socket))
        writer.write(connect(place))
        received = 0
        while received < 3 * UNWRITTEN:
            writer.write(b"x" * 65536)
            received += len(await reader.read(65536))
        [(_, _, written)] = await out.book.moved(clock.now().date(), timedelta(days=1))
        moved = out.gate._volume.today("worker")
        writer.close()
    assert moved - UNWRITTEN < written <= moved


async def test_who_reads_nothing_does_not_keep_the_gateway_from_ending(tmp_path: Path) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with socket.socket(socket.AF_UNIX) as deaf:
        async with server, way(tmp_path) as out:
            out.allow(place)
            deaf.connect(str(out.socket))
            deaf.sendall(connect(place))
            # More than the kernel keeps for it: the rest waits in the gateway.
            while out.gate._volume.today("worker") < deaf.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF):
                await asyncio.sleep(0)


async def test_what_is_decided_while_a_host_is_dialled_counts_for_it(tmp_path: Path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Names):
        async def resolve(self, name: str) -> Sequence[Address]:
            asked.set()
            await go_on.wait()
            return await super().resolve(name)

    async with listening() as server:
        names = Slow(slow_example=[["127.0.0.1"]])
        for stopped in (None, "ada at noon"):
            asked.clear(), go_on.clear()
            async with way(tmp_path, names) as out:
                rule = f"slow.example:{server.port}"
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(dialer, "why_not", lambda address: None)
                    out.allow(rule)
                    saying = asyncio.create_task(out.say(connect(rule) + b"hello"))
                    await asked.wait()
                    out.allow(rule, stopped=stopped)
                    go_on.set()
                    assert (b" 403 " in await saying) is (stopped is not None)
    assert server.text == b"hello"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the proxy of the site."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def use(proxy: str, no_proxy: str = "") -> None:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", no_proxy)

    return use


async def test_the_site_s_proxy_is_asked_for_the_address_that_was_looked_at(
    tmp_path: Path, site: Callable[..., None]
) -> None:
    names = Names(example_org=[["10.0.0.1", "93.184.216.34"], ["10.0.0.1"]])
    async with listening() as server, site_proxy() as proxy, way(tmp_path, names) as out:
        proxy.leads_to["93.184.216.34:443"] = ("127.0.0.1", server.port)
        site(f"http://ada:s%40cret@127.0.0.1:{proxy.port}")
        out.allow("example.org:443", "example.org:80")
        assert b"heard: hello" in await out.say(connect("example.org:443") + b"hello")
        # A name that leads to a private address is refused as ever, and the proxy is not even asked.
        assert b" 403 " in await out.say(connect("example.org:443"))
        [entry, *_] = reversed(await out.log())
    assert len(proxy.asked) == 1
    assert proxy.asked[0].startswith(b"CONNECT 93.184.216.34:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"ada:s@cret") in proxy.asked[0]
    assert (entry.verdict, entry.address) == (Verdict.ALLOWED, "93.184.216.34")


async def test_where_only_the_site_s_proxy_can_look_names_up_it_is_given_the_name(
    tmp_path: Path, site: Callable[..., None]
) -> None:
    names = Names()
    async with listening() as server, site_proxy() as proxy, way(tmp_path, names, proxy_resolves=True) as out:
        proxy.leads_to["example.org:80"] = ("127.0.0.1", server.port)
        site(f"127.0.0.1:{proxy.port}")
        out.allow("example.org:80", "10.0.0.7:22")
        assert b"GET /x HTTP/1.1" in await out.say(b"GET http://example.org/x HTTP/1.1\r\n\r\n")
        assert b" 403 " in await out.say(connect("other.example:443"))
        assert b"does not lead to 10.0.0.7:22: HTTP 407" in await out.say(connect("10.0.0.7:22"))
    assert names.asked == []
    assert [head.split(b" ")[1] for head in proxy.asked] == [b"example.org:80", b"10.0.0.7:22"]


async def test_no_proxy_goes_without_the_site_s_proxy(tmp_path: Path, site: Callable[..., None]) -> None:
    async with listening() as server, site_proxy() as proxy, way(tmp_path) as out:
        place = f"127.0.0.1:{server.port}"
        out.allow(place)
        site(f"http://127.0.0.1:{proxy.port}", no_proxy="127.0.0.1")
        assert b"heard: hello" in await out.say(connect(place) + b"hello")
        assert proxy.asked == []


async def test_a_site_s_proxy_that_is_none_is_said(tmp_path: Path, site: Callable[..., None]) -> None:
    async with way(tmp_path) as out:
        out.allow("93.184.216.34:443")
        for talk in (b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n", b"", b"x" * 200_000):

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = talk) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(said)
                writer.close()

            async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
                site(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                assert b" 502 " in await out.say(connect("93.184.216.34:443"))


async def test_what_is_no_longer_allowed_is_cut_off(tmp_path: Path) -> None:
    async with way(tmp_path) as out, listening() as server:
        place = f"127.0.0.1:{server.port}"
        for change in (lambda: out.allow(), lambda: out.allow(place, stopped="ada at noon")):
            out.allow(place)
            reader, writer = await asyncio.open_unix_connection(str(out.socket))
            writer.write(connect(place) + b"one")
            assert await reader.readuntil(b"heard: one")
            change()
            assert await reader.read() == b""
            writer.close()
            assert b" 403 " in await out.say(connect(place))
        assert [entry.detail for entry in await out.log()][1] == "it was cut off: it is no longer allowed"


async def test_a_tunnel_on_which_nothing_moves_is_cut_off(tmp_path: Path) -> None:
    async with way(tmp_path, silence_seconds=0.05) as out, listening() as server:
        out.allow(f"127.0.0.1:{server.port}")
        reader, writer = await asyncio.open_unix_connection(str(out.socket))
        writer.write(connect(f"127.0.0.1:{server.port}"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        [entry] = await out.log()
    assert "nothing moved" in entry.detail


async def test_what_cannot_be_reached_is_said(tmp_path: Path) -> None:
    async with listening() as server:
        port = server.port
    async with way(tmp_path, Names(nowhere_example=[[]])) as out:
        out.allow(f"127.0.0.1:{port}", "nowhere.example:443")
        assert b" 502 " in await out.say(connect(f"127.0.0.1:{port}"))
        assert b"has no address" in await out.say(connect("nowhere.example:443"))
        assert {entry.verdict for entry in await out.log()} == {Verdict.FAILED}


async def test_attempts_without_end_do_not_wash_the_log_away(tmp_path: Path) -> None:
    async with way(tmp_path) as out:
        for _ in range(gate.LOGGED_A_MINUTE + 50):
            await out.say(connect("a.example:1"))
        assert len(await out.log()) <= 2 * gate.LOGGED_A_MINUTE


async def test_names_that_nobody_answers_for_keep_only_their_own_agent_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    asked: list[str] = []

    def getaddrinfo(name: str, *given: Any, **named: Any) -> list[Any]:
        asked.append(name)
        if name.endswith(".slow.example"):
            answer.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    names = SystemResolver()
    async with way(tmp_path, names) as out, AsyncExitStack() as stack:
        out.allow("*.slow.example:443")
        try:
            for number in range(40):
                _, writer = await asyncio.open_unix_connection(str(out.listener.path))
                stack.callback(writer.close)
                writer.write(connect(f"a{number}.slow.example:443"))
            async with asyncio.timeout(10):
                while len(asked) < DIALLED_AT_ONCE:
                    await asyncio.sleep(0.01)
                await asyncio.get_running_loop().getaddrinfo("api.example", 443)
                assert await names.resolve("other.example") == []
            assert len(asked) == DIALLED_AT_ONCE + 2
        finally:
            answer.set()
