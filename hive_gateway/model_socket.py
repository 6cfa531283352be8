"""An agent's socket to the model."""

import asyncio
import logging
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hive_base.clock import Clock
from hive_gateway.desk import Desk
from hive_gateway.door import Door
from hive_gateway.listeners import AgentSocket
from hive_rpc.acceptor import Acceptor

SOCKET_NAME = "gateway.sock"
_AT_ONCE = 0.001


def _is_the_gateway_s_business(record: logging.LogRecord) -> bool:
    """False for what aiohttp logs, with a traceback, about a request that it cannot read: agents could fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_http_log = logging.getLogger(f"{__name__}.http")
_http_log.addFilter(_is_the_gateway_s_business)


class ModelSocket(AgentSocket):
    """HTTP, as the API speaks it."""

    def __init__(self, desk: Desk, clock: Clock, *, agent: str, directory: Path, connections: int) -> None:
        super().__init__(directory / SOCKET_NAME)
        self._connections = connections
        self._server = web.Server(
            Door(agent, desk, clock).handle,
            # Without it a client that has gone away is noticed only when something is written to it.
            handler_cancellation=True,
            # What an agent compresses is unpacked by nobody here.
            auto_decompress=False,
            access_log=None,
            logger=_http_log,
        )
        self._acceptor: Acceptor | None = None

    async def start(self) -> None:
        self._acceptor = Acceptor(self._listening.socket, self._protocol)

    async def close(self, drain_seconds: float) -> None:
        if self._acceptor is not None:
            await self._acceptor.close()
        await super().close(drain_seconds)
        self._server.pre_shutdown()
        # aiohttp waits this long for the answers, then as long again before it cancels them; and 0 means for ever.
        await self._server.shutdown(max(drain_seconds, _AT_ONCE) / 2)

    def _protocol(self) -> asyncio.BaseProtocol:
        return self._server() if len(self._server.connections) < self._connections else _Refusal()


class _Refusal(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.abort()
