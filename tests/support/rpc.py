"""An interface to test the RPC library with, a handler that tells what happens to it, and a client without manners."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from hive_rpc.errors import HiveError
from hive_rpc.interface import Interface, rpc
from hive_rpc.server import Peer, Server
from hive_rpc.types import AgentName, Empty, Model, Object, Role


class Colour(StrEnum):
    """What it looks like."""

    RED = "red"
    DARK_BLUE = "dark_blue"
    """Nearly black."""


class Text(Model):
    text: str
    """What is said."""
    name: AgentName | None = None
    colour: Colour = Colour.RED
    extra: Object = {}


class Then(StrEnum):
    """What comes after the last number."""

    END = "end"
    FAIL = "fail"
    WAIT = "wait"


class CountRequest(Model):
    upto: int
    size: int = 0
    """Bytes of padding in each item."""
    then: Then = Then.END


class Item(Model):
    number: int
    padding: str = ""


class Echo(Interface, name="org.hive.test.Echo", sockets=["echo.sock"]):
    """Says what it is told."""

    @rpc()
    async def say(self, request: Text) -> Text:
        """Say the same."""
        raise NotImplementedError

    @rpc()
    async def fail(self, request: Text) -> Empty:
        """Raise something."""
        raise NotImplementedError

    @rpc()
    async def work(self, request: Text) -> Text:
        """Do something that must not be half done."""
        raise NotImplementedError

    @rpc(Role.VIEWER, waits=True)
    async def wait(self, request: Text) -> Text:
        """Wait until there is something to say."""
        raise NotImplementedError

    @rpc()
    def count(self, request: CountRequest) -> AsyncIterator[Item]:
        """Count, and then do as asked.

        The second paragraph.
        """
        raise NotImplementedError

    @rpc()
    async def not_there(self, request: Empty) -> Empty:
        """Nobody implements this."""
        raise NotImplementedError


class Story:
    """What happened, in order, and a way to wait until it has."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._changed = asyncio.Condition()

    async def tell(self, event: str) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    async def until(self, event: str) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: event in self.events)


class EchoHandler(Echo):
    def __init__(self, story: Story, release: asyncio.Event, failure: BaseException) -> None:
        self._story = story
        self._release = release
        self._failure = failure
        self.counted = 0

    async def say(self, request: Text) -> Text:
        await self._story.tell(f"say {request.text[:20]}")
        return request

    async def fail(self, request: Text) -> Empty:
        raise self._failure

    async def work(self, request: Text) -> Text:
        await self._story.tell("work begins")
        await self._release.wait()
        await self._story.tell("work done")
        return request

    async def wait(self, request: Text) -> Text:
        await self._story.tell("wait begins")
        try:
            await self._release.wait()
            return request
        finally:
            await self._story.tell("wait ends")

    async def count(self, request: CountRequest) -> AsyncIterator[Item]:
        try:
            for number in range(request.upto):
                self.counted = number + 1
                yield Item(number=number, padding="x" * request.size)
            if request.then is Then.FAIL:
                raise self._failure
            if request.then is Then.WAIT:
                await self._story.tell("count waits")
                await asyncio.Event().wait()
        finally:
            await self._story.tell("count ends")

    async def closed(self) -> None:
        await self._story.tell("closed")


class EchoService:
    """A server of Echo, and everything that a test wants to turn or look at."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "echo.sock"
        self.story = Story()
        self.release = asyncio.Event()
        self.failure: BaseException = HiveError("It failed.")
        self.peers: list[Peer] = []
        self.connections: list[EchoHandler] = []

    def handlers(self, peer: Peer) -> Sequence[Interface]:
        self.peers.append(peer)
        self.connections.append(EchoHandler(self.story, self.release, self.failure))
        return [self.connections[-1]]

    @asynccontextmanager
    async def serving(self, *, stall_seconds: float = 30, max_connections: int = 256) -> AsyncIterator[Self]:
        server = Server(self.handlers, stall_seconds=stall_seconds, max_connections=max_connections)
        await server.listen(self.path)
        try:
            yield self
        finally:
            self.release.set()
            await server.close()


class RawPeer:
    """A client that can say anything, in any pieces, and go at any moment."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, path: Path) -> AsyncIterator[Self]:
        reader, writer = await asyncio.open_unix_connection(path, limit=4 * 1024 * 1024)
        peer = cls(reader, writer)
        try:
            yield peer
        finally:
            await peer.leave()

    def call(self, method: str, parameters: dict[str, Any] | None = None, **flags: bool) -> None:
        self.writer.write(frame({"method": f"org.hive.test.Echo.{method}", "parameters": parameters or {}, **flags}))

    async def reply(self) -> Any:
        return json.loads((await self.reader.readuntil(b"\0"))[:-1])

    async def rest(self) -> bytes:
        """Everything until the server closes the connection."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            # The server closed while something we sent was unread.
            return b""

    async def leave(self) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def frame(value: object) -> bytes:
    return json.dumps(value).encode() + b"\0"
