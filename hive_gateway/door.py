"""What an agent meets at its socket: its name is the socket's, and each request leaves a line in the log."""

import logging

from aiohttp import web

from hive_base.clock import Clock
from hive_gateway.desk import Desk
from hive_gateway.errors import with_api_errors

log = logging.getLogger(__name__)


class Door:
    """One agent's. Nothing in a request says who it is from."""

    def __init__(self, agent: str, desk: Desk, clock: Clock) -> None:
        self._agent = agent
        self._desk = desk
        self._clock = clock
        self._answer = with_api_errors(self._asked)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        began = self._clock.monotonic()
        status: int | str = "cut off"
        try:
            response = await self._answer(request)
            status = response.status
        finally:
            seconds = self._clock.monotonic() - began
            path = request.raw_path.partition("?")[0][:80]
            log.info("%s: %s %r: %s in %.3f s", self._agent, request.method, path, status, seconds)
        return response

    async def _asked(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._desk.answer(self._agent, request)
