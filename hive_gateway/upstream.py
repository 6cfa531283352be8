"""A Messages API as a backend: a streaming reverse proxy that puts the credential in on the way.

Nothing is buffered beyond what aiohttp holds for one connection (64 KiB each way): a slow reader slows the sender.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

import aiohttp
from aiohttp import web
from yarl import URL

from hive_gateway import headers
from hive_gateway.body import Body
from hive_gateway.config import UpstreamConfig
from hive_gateway.errors import ApiError
from hive_gateway.exchange import Exchange
from hive_gateway.route import Route
from hive_gateway.silence import Silence
from hive_gateway.site_proxy import proxy_for

UNTAKEN_SECONDS = 600.0
"""How long who asked may take nothing of an answer, on top of what the API may say nothing: what the request may cost
is kept from others meanwhile."""

log = logging.getLogger(__name__)


class Credential(Protocol):
    """What an account authenticates with."""

    async def current(self) -> Mapping[str, str]:
        """The headers for a request that begins now. Raises ApiError when there are none to be had."""

    async def refused(self, headers: Mapping[str, str]) -> bool:
        """The API did not take these; True when there are others now, and trying again makes sense."""


def session(config: UpstreamConfig) -> aiohttp.ClientSession:
    """The connections to every API. Needs a running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=config.connect_seconds, sock_read=config.silence_seconds
        ),
        skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
    )


class Upstream:
    """The API at one address with one credential."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, credential: Credential, *, silence_seconds: float
    ) -> None:
        self._session = session
        self._base = URL(base_url)
        self._credential = credential
        self._silence_seconds = silence_seconds
        self._proxy = proxy_for(self._base.scheme, self._base.host or "", self._base.port or 0)

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        Body(exchange.request).check_length()
        credential = await self._credential.current()
        try:
            async with self._session.post(
                self._address(exchange.request, exchange.route),
                headers=headers.to_upstream(exchange.request.headers, credential),
                data=exchange.body(),
                # A redirect would carry the key to wherever it points.
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                return await self._relay(exchange, answer, credential)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise exchange.refused or _failure(error) from None

    def _address(self, request: web.BaseRequest, route: Route) -> URL:
        query = request.raw_path.partition("?")[2]
        address = f"{str(self._base).rstrip('/')}{route}"
        return URL(f"{address}?{query}" if query else address, encoded=True)

    async def _relay(
        self, exchange: Exchange, answer: aiohttp.ClientResponse, credential: Mapping[str, str]
    ) -> web.StreamResponse:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            if await self._credential.refused(credential):
                raise ApiError(529, "The hive's gateway has renewed its token: try again.")
            # The body is not passed on, because it may quote what was refused.
            raise ApiError(answer.status, "The API refuses the credential that the hive's gateway holds.")
        if answer.status in range(300, 400):
            log.error("the API answered with a redirect (%d), which is not followed: check base_url", answer.status)
            raise ApiError(HTTPStatus.BAD_GATEWAY, "The model API answered with a redirect.")
        try:
            response = await exchange.respond(answer.status, headers.to_agent(answer.headers), reason=answer.reason)
            if answer.connection is not None and answer.connection.protocol is not None:
                # It would move a timer for each piece.
                answer.connection.protocol.read_timeout = None
            async with Silence(self._silence_seconds) as silence:
                async for piece in answer.content.iter_any():
                    silence.excuse(UNTAKEN_SECONDS)
                    await response.write(piece)
                    silence.heard()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("an answer broke off, or was not taken: %s", type(error).__name__)
            raise ConnectionResetError("The answer broke off.") from None
        await response.write_eof()
        return response


def _failure(error: aiohttp.ClientError | TimeoutError) -> ApiError:
    """What the agent is told; the log gets the kind of error and the system's word for it, never the request."""
    detail = f": {error.os_error.strerror or error.os_error}" if isinstance(error, aiohttp.ClientConnectorError) else ""
    log.warning("the API cannot be reached: %s%s", type(error).__name__, detail)
    if isinstance(error, TimeoutError):
        return ApiError(HTTPStatus.GATEWAY_TIMEOUT, "The model API did not answer in time.")
    return ApiError(HTTPStatus.BAD_GATEWAY, "The model API cannot be reached from the hive.")
