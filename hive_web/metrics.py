"""`/metrics`: core's counters for Prometheus, for whoever brings a token in place of a cookie."""

from aiohttp import web

from hive_rpc.errors import HiveError, NotSignedInError
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_web.core import READ_SECONDS, Core


class Metrics:
    """Core knows the token: one that the machine's configuration gives to this alone, or the session of an operator."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/metrics", self.text)]

    async def text(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise NotSignedInError
            async with self._core.operator(READ_SECONDS) as operator:
                reply = await operator.metrics(OperatorRequest(session=token.strip()))
        except HiveError as error:
            # In plain text: what reads this is no browser. A cookie is never looked at here.
            challenge = {"WWW-Authenticate": "Bearer"} if error.http_status == 401 else {}
            return web.Response(status=error.http_status, text=error.sentence() + "\n", headers=challenge)
        return web.Response(text=reply.text, content_type="text/plain", charset="utf-8")
