"""A program in a container, the harness's proxy and names, and the gateway's egress socket, end to end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hive_agent.harness.way_out import WayOut
from hive_base.clock import SystemClock
from hive_gateway.book import Book
from hive_gateway.config import EgressConfig
from hive_gateway.egress import dialer
from hive_gateway.egress.socket import EgressSocket
from hive_rpc.interfaces.agent import Settings
from hive_rpc.interfaces.gateway import AgentsReply, GatewayAgent
from tests.support.egress import Names, gate_over, listening
from tests.support.hive_host import free_port

BASE = "127.0.0.1 localhost\n"


@asynccontextmanager
async def container(tmp_path: Path, names: Names, port: int, egress: list[str]) -> AsyncIterator[WayOut]:
    """`names` lead to loopback, which only this test lets them."""
    book = Book(tmp_path / "book.sqlite")
    await book.open()
    made = await gate_over(book, names, EgressConfig(), SystemClock())
    made.follow(AgentsReply(agents=[GatewayAgent(name="worker", directory="/", egress=egress)]))
    socket = EgressSocket(made, agent="worker", directory=tmp_path, connections=64)
    await socket.start()
    (tmp_path / "hosts").write_text(BASE)
    way_out = WayOut(socket.path, SystemClock(), hosts=tmp_path / "hosts", port=port)
    way_out.want(Settings(egress=egress))
    running = asyncio.create_task(way_out.run())
    try:
        yield way_out
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await socket.close(0)
        await book.close()


async def hosts(tmp_path: Path, expected: list[str]) -> dict[str, str]:
    """The names in the container's hosts file, once they are as expected."""
    while True:
        text = (tmp_path / "hosts").read_text()
        lines = text.removeprefix(BASE).splitlines()[1:]
        named = {line.split()[1]: line.split()[0] for line in lines}
        if list(named) == expected:
            assert text.startswith(BASE)
            return named
        await asyncio.sleep(0.005)


async def say(address: str, port: int, said: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(said)
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.fixture(autouse=True)
def loopback_is_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer, "why_not", lambda address: None)


async def test_an_allowed_name_leads_to_its_host_without_any_proxy_set(tmp_path: Path) -> None:
    names = Names(git_example=[["127.0.0.1"]])
    async with listening() as server, container(tmp_path, names, free_port(), [f"git.example:{server.port}"]):
        named = await hosts(tmp_path, ["git.example"])
        assert named["git.example"].startswith("127.77.")
        assert await say(named["git.example"], server.port, b"hello") == b"heard: helloend of hearing"


async def test_the_proxy_s_refusal_says_how_to_ask(tmp_path: Path) -> None:
    port = free_port()
    async with container(tmp_path, Names(), port, []):
        while True:
            try:
                answer = await say("127.0.0.1", port, b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.005)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b'egress = ["pypi.org:443"]' in answer


async def test_names_come_and_go_with_the_settings_and_keep_their_addresses(tmp_path: Path) -> None:
    names = Names(one_example=[["127.0.0.1"]], two_example=[["127.0.0.1"]])
    async with listening() as server:
        rules = [f"one.example:{server.port}", f"two.example:{server.port}", "*.three.example:443", "127.0.0.1:9"]
        async with container(tmp_path, names, free_port(), rules) as way_out:
            before = await hosts(tmp_path, ["one.example", "two.example"])
            way_out.want(Settings(egress=rules[1:]))
            assert await hosts(tmp_path, ["two.example"]) == {"two.example": before["two.example"]}
            with pytest.raises(ConnectionRefusedError):
                await say(before["one.example"], server.port, b"x")
            way_out.want(Settings(egress=[]))
            await hosts(tmp_path, [])
    assert (tmp_path / "hosts").read_text() == BASE


async def test_what_the_gateway_refuses_is_closed(tmp_path: Path) -> None:
    """The harness names a host that the gateway does not allow: nothing but an end comes of it."""
    async with listening() as server, container(tmp_path, Names(), free_port(), []) as way_out:
        way_out.want(Settings(egress=[f"other.example:{server.port}"]))
        named = await hosts(tmp_path, ["other.example"])
        assert await say(named["other.example"], server.port, b"hello") == b""
        assert server.heard == []
