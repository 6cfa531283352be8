"""A request's body on its way through the gateway."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from aiohttp import web

from hive_gateway.errors import ApiError

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request, the Messages API's own limit."""


class Body:
    """A request's body, piece by piece as it arrives, up to the limit."""

    def __init__(self, request: web.BaseRequest, limit: int = MAX_BODY) -> None:
        self._request = request
        self._limit = limit
        self.too_large = (request.content_length or 0) > limit

    def check_length(self) -> None:
        """Raises ApiError for a body that is announced to be too large."""
        if self.too_large:
            raise self.refusal()

    def refusal(self) -> ApiError:
        return ApiError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Request exceeds the maximum size of {self._limit} bytes.",
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.check_length()
        seen = 0
        async for chunk in self._request.content.iter_any():
            seen += len(chunk)
            if seen > self._limit:
                self.too_large = True
                raise self.refusal()
            yield chunk
