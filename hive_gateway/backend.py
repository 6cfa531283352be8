"""What answers an agent's requests: the real API or the stand-in, behind one interface."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from hive_gateway.errors import ApiError

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request, the Messages API's own limit."""

log = logging.getLogger(__name__)


class Route(StrEnum):
    """The paths that the Messages API needs; there are no others."""

    MESSAGES = "/v1/messages"
    COUNT_TOKENS = "/v1/messages/count_tokens"


class Backend(Protocol):
    """One backend serves all agents. An `ApiError` that it raises becomes the response."""

    @property
    def stand_in(self) -> bool: ...

    @property
    def description(self) -> str:
        """What this is, in words for an operator; never anything secret."""

    async def answer(self, request: web.BaseRequest, route: Route, agent: str) -> web.StreamResponse:
        """Answer one POST. Cancelled when the client goes away."""

    async def close(self) -> None: ...


class Body:
    """A request's body, piece by piece as it arrives, up to the limit."""

    def __init__(self, request: web.BaseRequest, limit: int = MAX_BODY) -> None:
        self._request = request
        self._limit = limit
        self.too_large = (request.content_length or 0) > limit

    def refusal(self) -> ApiError:
        return ApiError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Request exceeds the maximum size of {self._limit} bytes.",
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.too_large:
            raise self.refusal()
        seen = 0
        async for chunk in self._request.content.iter_any():
            seen += len(chunk)
            if seen > self._limit:
                self.too_large = True
                raise self.refusal()
            yield chunk

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def with_api_errors(handle: Handler) -> Handler:
    """The one boundary where an exception becomes an answer, or a `ConnectionError` the end of the connection."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handle(request)
        except ApiError as error:
            return error.response()
        except ConnectionError:
            # The client went away, or the answer broke off: an end without a last chunk is how a client can tell.
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        except Exception:
            log.exception("a request failed for a reason inside the gateway")
            return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error of the gateway.").response()

    return answer


async def dispatch(backend: Backend, request: web.BaseRequest, agent: str) -> web.StreamResponse:
    """Have the backend answer, if the request is for something that the gateway offers.

    The comparison is with the request line as it came: an absolute URL, an encoded letter or a doubled slash is not
    one of the routes, whatever a server behind us would make of it.
    """
    path = request.raw_path.partition("?")[0]
    if path == "/" and request.method == "HEAD":
        return web.Response()  # the CLI's look whether anything is there
    try:
        route = Route(path)
    except ValueError:
        raise ApiError(HTTPStatus.NOT_FOUND, "The hive's gateway offers the Messages API only.") from None
    if request.method != "POST":
        raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, f"{route} takes POST only.", {"allow": "POST"})
    return await backend.answer(request, route, agent)
