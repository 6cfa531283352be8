"""What an agent meets at its socket, before any backend: who it is, which credential it has, and a line in the log."""

import logging

from aiohttp import web

from hive_base.clock import Clock
from hive_gateway import headers
from hive_gateway.backend import Backend, dispatch
from hive_gateway.errors import with_api_errors

log = logging.getLogger(__name__)


class Door:
    """One agent's way to the backend. The agent's name is the socket's; nothing in a request says it."""

    def __init__(self, agent: str, backend: Backend, clock: Clock) -> None:
        self._agent = agent
        self._backend = backend
        self._clock = clock
        self._answer = with_api_errors(self._checked)

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

    async def _checked(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "HEAD" and (refusal := headers.credential_refusal(request.headers)):
            log.warning("%s: refused a request: %s", self._agent, refusal)
            raise refusal
        return await dispatch(self._backend, request, self._agent)
