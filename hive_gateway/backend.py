"""What answers an agent's requests: the real API or the stand-in, behind one interface."""

from enum import StrEnum
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from hive_gateway.errors import ApiError


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
