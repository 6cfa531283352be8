"""An agent's socket to the outside."""

import asyncio
import logging
from pathlib import Path

from hive_gateway.egress.gate import EgressGate
from hive_gateway.egress.request import MAX_HEAD
from hive_gateway.listeners import AgentSocket
from hive_rpc.acceptor import Acceptor

SOCKET_NAME = "egress.sock"

log = logging.getLogger(__name__)


class EgressSocket(AgentSocket):
    """A proxy, as programs know it from HTTPS_PROXY."""

    def __init__(self, gate: EgressGate, *, agent: str, directory: Path, connections: int) -> None:
        super().__init__(directory / SOCKET_NAME)
        self._gate = gate
        self._agent = agent
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._acceptor: Acceptor | None = None

    async def start(self) -> None:
        self._acceptor = Acceptor(self._listening.socket, self._protocol)

    async def close(self, drain_seconds: float) -> None:
        """A tunnel has no end that one could wait for: all are cut off."""
        if self._acceptor is not None:
            await self._acceptor.close()
        await super().close(drain_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=MAX_HEAD), self._accept)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._connections:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._gate.handle(self._agent, (reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: a connection to the outside ended badly", self._agent, exc_info=error)
