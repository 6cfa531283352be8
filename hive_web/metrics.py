"""`/metrics`: core's counters for Prometheus, for whoever brings a token in place of a cookie."""

from aiohttp import web

from hive_rpc.errors import HiveError, NotSignedInError
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_web.core import READ_SECONDS, Core

_HINT = (
    "Have the scraper send what the file of services.hive.metrics.tokenFile holds, which hive-core reads when it "
    "starts, or what `hive operator token NAME` prints."
)


class Metrics:
    """Core knows the token: one that the machine's configuration gives to this alone, or the session of an operator."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/metrics", self.text)]

    async def text(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            # A cookie is never looked at here.
            return _refused("There is no bearer token.")
        try:
            async with self._core.operator(READ_SECONDS) as operator:
                reply = await operator.metrics(OperatorRequest(session=token.strip()))
        except NotSignedInError:
            # Core speaks to a person, who could sign in.
            return _refused("This bearer token is not known, or has ended.")
        except HiveError as error:
            return _plain(error)
        return web.Response(text=reply.text, content_type="text/plain", charset="utf-8")


def _refused(what: str) -> web.Response:
    answer = _plain(NotSignedInError(what, hint=_HINT))
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _plain(error: HiveError) -> web.Response:
    """In plain text: what reads this is no browser."""
    return web.Response(status=error.http_status, text=error.sentence() + "\n")
