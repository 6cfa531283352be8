"""The paths that the gateway offers."""

from enum import StrEnum
from http import HTTPStatus

from aiohttp import web

from hive_gateway.errors import ApiError


class Route(StrEnum):
    """The paths that the Messages API needs; there are no others."""

    MESSAGES = "/v1/messages"
    COUNT_TOKENS = "/v1/messages/count_tokens"


def route_of(request: web.BaseRequest) -> Route | None:
    """What a request is for; None is the CLI's look whether anything is there. Raises ApiError for all else.

    The comparison is with the request line as it came: an absolute URL, an encoded letter or a doubled slash is not
    one of the routes, whatever a server behind us would make of it.
    """
    path = request.raw_path.partition("?")[0]
    if path == "/" and request.method == "HEAD":
        return None
    try:
        route = Route(path)
    except ValueError:
        raise ApiError(HTTPStatus.NOT_FOUND, "The hive's gateway offers the Messages API only.") from None
    if request.method != "POST":
        raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, f"{route} takes POST only.", {"allow": "POST"})
    return route
