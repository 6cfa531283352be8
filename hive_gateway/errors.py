"""Errors in the shape of the Messages API, so that the CLI classifies them as it does the API's own.

https://docs.anthropic.com/en/api/errors has the types. They are the boundary towards the agents; towards core and
the operator the errors are `hive_rpc.errors`.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from hive_base.ids import new_id

log = logging.getLogger(__name__)

_TYPES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "invalid_request_error",
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
    529: "overloaded_error",
}


class ApiError(Exception):
    """An answer other than the one that was asked for. The message goes to the agent: nothing secret, no internals."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    @property
    def type(self) -> str:
        return error_type(self.status)

    def response(self) -> web.Response:
        request_id = new_id("req")
        return web.json_response(
            {
                "type": "error",
                "error": {"type": self.type, "message": self.message},
                "request_id": request_id,
            },
            status=self.status,
            headers={**self.headers, "request-id": request_id},
        )


def error_type(status: int) -> str:
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


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
