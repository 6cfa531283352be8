"""`/metrics`: core's counters for Prometheus, for whoever brings a session's token in place of a cookie."""

from aiohttp import web

from hive_rpc.errors import HiveError
from hive_rpc.interfaces.operator import OperatorRequest
from hive_web.core import Core


class Metrics:
    """A program's token is a session like any other: core knows its role, lists it, and ends it when it is revoked."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/metrics", self.text)]

    async def text(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            async with self._core.caller(token.strip() if scheme.lower() == "bearer" else None) as caller:
                reply = await caller.operator.metrics(caller.ask(OperatorRequest))
        except HiveError as error:
            # In plain text: what reads this is no browser. A cookie is never looked at here.
            challenge = {"WWW-Authenticate": "Bearer"} if error.http_status == 401 else {}
            return web.Response(status=error.http_status, text=error.sentence() + "\n", headers=challenge)
        return web.Response(text=reply.text, content_type="text/plain", charset="utf-8")
