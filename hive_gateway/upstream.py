"""The real Messages API as a backend: a streaming reverse proxy that puts the key in on the way.

Nothing is buffered beyond what aiohttp holds for one connection (64 KiB each way): a slow reader slows the sender.
"""

import logging
from http import HTTPStatus
from typing import ClassVar

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from hive_gateway import headers
from hive_gateway.backend import Route
from hive_gateway.body import Body
from hive_gateway.config import UpstreamConfig
from hive_gateway.errors import ApiError

log = logging.getLogger(__name__)


class Upstream:
    """The API at one address with one key. Needs a running loop."""

    stand_in: ClassVar[bool] = False

    def __init__(self, config: UpstreamConfig, key: SecretStr) -> None:
        self._base = URL(config.base_url)
        self._key = key
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=config.connect_seconds, sock_read=config.silence_seconds
            ),
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )

    @property
    def description(self) -> str:
        return f"the API at {self._base.host}, with an API key"

    async def close(self) -> None:
        await self._session.close()

    async def answer(self, request: web.BaseRequest, route: Route, agent: str) -> web.StreamResponse:
        body = Body(request)
        if body.too_large:
            raise body.refusal()
        try:
            async with self._session.post(
                self._address(request, route),
                headers=headers.to_upstream(request.headers, {headers.API_KEY: self._key.get_secret_value()}),
                data=body,
                # A redirect would carry the key to wherever it points.
                allow_redirects=False,
            ) as answer:
                return await self._relay(request, answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise body.refusal() if body.too_large else _failure(error) from None

    def _address(self, request: web.BaseRequest, route: Route) -> URL:
        query = request.raw_path.partition("?")[2]
        address = f"{str(self._base).rstrip('/')}{route}"
        return URL(f"{address}?{query}" if query else address, encoded=True)

    async def _relay(self, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # The body is not passed on, because it may quote what was refused.
            log.error("the API refuses the key: put a valid one into the credential and restart hive-gateway")
            raise ApiError(answer.status, "The API refuses the key that the hive's gateway holds.")
        if answer.status in range(300, 400):
            log.error("the API answered with a redirect (%d), which is not followed: check base_url", answer.status)
            raise ApiError(HTTPStatus.BAD_GATEWAY, "The model API answered with a redirect.")
        response = web.StreamResponse(
            status=answer.status, reason=answer.reason, headers=headers.to_agent(answer.headers)
        )
        try:
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("an answer broke off: %s", type(error).__name__)
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
