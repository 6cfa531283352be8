"""A client that nobody here wrote introspects and calls a server of ours."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import varlink

from hive_rpc.errors import RateLimitedError
from hive_rpc.interface import methods
from tests.support.rpc import Echo, EchoService
from tests.support.varlink_client import explore, opened

T = TypeVar("T")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[EchoService]:
    async with EchoService(tmp_path).serving() as service:
        yield service


async def using(service: EchoService, use: Callable[[Any], T], interface: str = Echo.varlink_name) -> T:
    """Use the interface as that client offers it, away from the loop that the server runs in."""

    def work() -> T:
        with opened(service.path, interface) as echo:
            return use(echo)

    return await asyncio.to_thread(work)


async def test_it_finds_out_what_is_served(service: EchoService) -> None:
    found = await asyncio.to_thread(explore, service.path)
    assert set(found) == {"org.varlink.service", "org.hive", Echo.varlink_name}
    echo = found[Echo.varlink_name]
    assert [name for name in methods(Echo) if echo.get_method(name)] == list(methods(Echo))


async def test_it_calls_with_what_it_found_out(service: EchoService) -> None:
    reply = await using(service, lambda echo: echo.Say(text="hello", name="worker"))
    assert reply == {"text": "hello", "name": "worker", "colour": "red", "extra": {}}


async def test_it_makes_several_calls_and_oneway_ones_on_a_connection(service: EchoService) -> None:
    def use(echo: Any) -> list[str]:
        echo.Say(text="quiet", _oneway=True)
        return [echo.Say(text=text)["text"] for text in ("one", "two")]

    assert await using(service, use) == ["one", "two"]
    assert service.story.events[:3] == ["say quiet", "say one", "say two"]


async def test_it_reads_a_stream_to_its_end(service: EchoService) -> None:
    replies = await using(service, lambda echo: list(echo.Count(upto=3, _more=True)))
    assert [reply["number"] for reply in replies if reply] == [0, 1, 2]


async def test_it_leaves_a_stream(service: EchoService) -> None:
    first = await using(service, lambda echo: next(echo.Count(upto=1, then="wait", _more=True)))
    assert first["number"] == 0
    await service.story.until("closed")
    assert "count ends" in service.story.events


async def test_it_understands_our_errors(service: EchoService) -> None:
    service.failure = RateLimitedError("Slow down.", hint="Wait.", retry_after=2.0, limit=5)
    with pytest.raises(varlink.VarlinkError) as caught:
        await using(service, lambda echo: echo.Fail(text=""))
    assert caught.value.error() == "org.hive.RateLimited"
    assert caught.value.parameters() == {"message": "Slow down.", "hint": "Wait.", "retry_after": 2.0, "limit": 5}


async def test_it_understands_varlinks_errors(service: EchoService) -> None:
    with pytest.raises(varlink.InvalidParameter) as caught:
        await using(service, lambda echo: echo.Say(text="hello", name="No such name!"))
    assert caught.value.parameters() == {"parameter": "name"}
    with pytest.raises(varlink.MethodNotImplemented):
        await using(service, lambda echo: echo.NotThere())
    with pytest.raises(varlink.InterfaceNotFound):
        await using(service, lambda other: None, interface="org.example.Other")
