"""The world outside a hive, on loopback: names that lead where a test says, and somebody who listens."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hive_base.clock import Clock
from hive_gateway.book import Book
from hive_gateway.config import EgressConfig
from hive_gateway.egress.dialer import Dialer
from hive_gateway.egress.gate import EgressGate
from hive_gateway.egress.resolver import Resolver
from hive_gateway.egress.tunnel import Counts, relay
from hive_gateway.egress.volume import Volume
from hive_rpc.egress import Address
from hive_rpc.sockets import closing


async def gate_over(book: Book, names: Resolver, settings: EgressConfig, clock: Clock) -> EgressGate:
    volume = Volume(book, clock)
    await volume.load()
    return EgressGate(book, volume, Dialer(names, settings), settings, clock)


class Names:
    """A resolver that a test plays: each look-up of a name takes the next answer, and the last one stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(self, name: str) -> Sequence[Address]:
        self.asked.append(name)
        answers = self.answers.get(name.replace(".", "_"), [[]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(address) for address in found]


@dataclass
class Server:
    """Somebody on loopback who remembers what was said and answers it."""

    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.heard.append(data)
            writer.write(b"heard: " + data)
            await writer.drain()
        writer.write(b"end of hearing")
        writer.close()

    @property
    def text(self) -> bytes:
        return b"".join(self.heard)


@asynccontextmanager
async def listening() -> AsyncIterator[Server]:
    server = Server()
    made = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = made.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        made.close()


@dataclass
class SiteProxy:
    """The proxy of a site: connects wherever it is asked to, but for a refusal that a test wants."""

    leads_to: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What it makes of a host and port that it is asked for; all else it refuses."""
    asked: list[bytes] = field(default_factory=list)
    """The heads of requests."""
    port: int = 0

    serving: set["asyncio.Task[None]"] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            place = self.leads_to.get(head.split(b" ")[1].decode())
            if place is None:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            server = await asyncio.open_connection(*place)
            async with closing(server[1]):
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await relay((reader, writer), server, Counts(), moved=lambda size: None, silence_seconds=600)


@asynccontextmanager
async def site_proxy() -> AsyncIterator[SiteProxy]:
    proxy = SiteProxy()
    made = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = made.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        made.close()
        for serving in proxy.serving:
            serving.cancel()
        # Whoever it served may have gone in the middle of something.
        await asyncio.gather(*proxy.serving, return_exceptions=True)
