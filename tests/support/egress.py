"""The world outside a hive, on loopback: names that lead where a test says, and somebody who listens."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hive_rpc.egress import Address


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
