"""Connections before they are requests: what is no HTTP, and what never becomes a whole request.

aiohttp answers what it cannot parse by itself, before any middleware or signal; so the words, the headers and the quiet
in the log are given here.
"""

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.typedefs import Middleware

from hive_web.config import WebConfig
from hive_web.security import Handler, headers

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 1.0
"""Live streams never end by themselves; they get this long, and the browsers reconnect."""
_LINGER_SECONDS = 10.0
"""At most, for what still comes of a body that was refused: closed at once, the answer could be lost on its way."""


def whole_body(seconds: float) -> Middleware:
    """Stops bodies that trickle: a form is here within this time, or its connection is given up.

    Bodies of what changes nothing are not read at all.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            try:
                async with asyncio.timeout(seconds):
                    await request.read()  # what is read is kept for who parses it
            except TimeoutError:
                raise web.HTTPRequestTimeout from None
            except web.RequestPayloadError:
                raise web.HTTPBadRequest(reason="The request's body is malformed.") from None
        return await handler(request)

    return check


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Nothing of what came is in the answer; nor, as anybody could fill it, in the log."""
        if status >= 500:
            log.error("A request failed outside of the application", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("An answer has begun already.")  # the connection ends with half of it
        said = "The dashboard made a mistake. It is in the log: journalctl -u hive-web."
        if isinstance(exc, LineTooLong):
            status, said = 431, "The address or a header is too long. If it is a cookie, delete this site's cookies."
        elif status < 500:
            said = "That is no HTTP request that the dashboard understands."
        response = web.Response(status=status, text=said + "\n", headers=self._headers())
        response.force_close()
        return response

    def _headers(self) -> dict[str, str]:
        assert isinstance(self._manager, _Server)
        return headers(self._manager.secure)


class _Server(web.Server):
    def __init__(self, plain: web.Server, config: WebConfig) -> None:
        super().__init__(
            plain.request_handler,
            request_factory=plain.request_factory,
            access_log=None,
            # From the opening of a connection, or its last answer, to the end of the next head: aiohttp does not end it
            # while a request is handled, and nothing that comes of a head prolongs it.
            keepalive_timeout=config.request_seconds,
            lingering_time=min(config.request_seconds, _LINGER_SECONDS),
        )
        self.secure = config.secure

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Door(web.AppRunner):
    """The application, behind connections that give up."""

    def __init__(self, app: web.Application, config: WebConfig, shutdown_timeout: float = SHUTDOWN_SECONDS) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_timeout)
        self._config = config

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._config)
