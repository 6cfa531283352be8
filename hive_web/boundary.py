"""The one place where an error becomes an answer: a page for a browser, JSON for our own scripts."""

import logging

from aiohttp import web
from aiohttp.typedefs import Middleware
from yarl import URL

from hive_rpc.errors import HiveError, NotSignedInError, UnavailableError
from hive_rpc.interfaces.session import GreetReply
from hive_rpc.types import Empty
from hive_web.cookie import SessionCookie
from hive_web.core import Core
from hive_web.render import Renderer
from hive_web.security import Handler, local_path

log = logging.getLogger(__name__)

_TITLES = {
    400: "That did not work",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    408: "Too slow",
    409: "Not now",
    413: "Too large",
    429: "Too fast",
    503: "Core is not reachable",
    504: "Timed out",
    507: "Disk trouble",
}


def wants_json(request: web.Request) -> bool:
    """Our scripts ask for it by name; a browser that loads a page never does."""
    return request.headers.get("Accept", "").startswith("application/json")


def wants_stream(request: web.Request) -> bool:
    return request.headers.get("Accept", "").startswith("text/event-stream")


class _Answers:
    """Errors in the shape that was asked for."""

    def __init__(self, core: Core, render: Renderer, cookie: SessionCookie) -> None:
        self._core = core
        self._render = render
        self._cookie = cookie

    async def error(
        self, request: web.Request, status: int, message: str, hint: str = "", retry_after: float | None = None
    ) -> web.Response:
        if wants_json(request):
            response = web.json_response({"message": message, "hint": hint}, status=status)
        else:
            response = self._render.page(
                "error.html",
                status=status,
                code=status,
                title=_TITLES.get(status, "Something went wrong"),
                message=message,
                hint=hint,
                retry=status == UnavailableError.http_status and request.method == "GET",
                greeting=await self._greeting(),
            )
        if status == UnavailableError.http_status:
            response.headers["Retry-After"] = "2"
        elif retry_after is not None:
            response.headers["Retry-After"] = str(max(1, round(retry_after)))
        return response

    async def _greeting(self) -> GreetReply | None:
        try:
            async with self._core.session() as session:
                return await session.greet(Empty())
        except HiveError:
            return None  # the page does without the hive's name: what it must tell is the first error

    def to_sign_in(self, request: web.Request) -> web.StreamResponse:
        here = local_path(request.path_qs)
        signed_in_before = self._cookie.read(request) is not None
        if not signed_in_before and request.headers.get("Sec-Fetch-Site") == "cross-site":
            # A link on another site: the browser kept the Strict cookie to itself. Coming from our page, it will not.
            return self._render.page("bounce.html", here=here, greeting=None)
        where = URL("/sign-in")
        location = str(where if here == "/" else where.with_query(next=here))
        response = web.Response(status=303, headers={"Location": location})
        if signed_in_before:
            self._cookie.take_away(response)
        return response


def error_boundary(core: Core, render: Renderer, cookie: SessionCookie) -> Middleware:
    """Every error of every handler ends here."""
    answers = _Answers(core, render, cookie)

    @web.middleware
    async def catch(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except NotSignedInError as error:
            if wants_json(request) or wants_stream(request) or request.method != "GET":
                return await answers.error(request, error.http_status, error.message, error.hint)
            return answers.to_sign_in(request)
        except HiveError as error:
            return await answers.error(request, error.http_status, error.message, error.hint, error.retry_after)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return await answers.error(request, error.status, *_http_words(error))
        except ConnectionError:
            raise  # the browser has gone: there is nobody to tell
        except Exception:  # the boundary: logged in full here, and told without details
            log.exception("%s %s failed", request.method, request.path)
            return await answers.error(
                request, 500, "The dashboard made a mistake.", "It is in the log: journalctl -u hive-web."
            )

    return catch


def _http_words(error: web.HTTPException) -> tuple[str, str]:
    match error.status:
        case 404:
            return "There is no such page.", "The hive’s page shows everything there is."
        case 405:
            return "That cannot be done here.", "Go back and use the page’s own buttons."
        case 408:
            return "The form did not come in time.", "Go back and send it again."
        case 413:
            return "That is more than the dashboard takes at once.", "Put long texts into a file in /shared."
        case _:
            return error.reason or "The request was not understood.", ""
