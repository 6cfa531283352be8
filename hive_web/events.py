"""`/events`: the live stream of a page."""

from aiohttp import web

from hive_rpc.errors import InvalidError
from hive_web.cookie import SessionCookie
from hive_web.core import Core
from hive_web.feed import Feeds, Page


class Events:
    def __init__(self, *, core: Core, cookie: SessionCookie, feeds: Feeds) -> None:
        self._core = core
        self._cookie = cookie
        self._feeds = feeds

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/events", self.stream, allow_head=False)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """`?after=` is the cursor of the page's snapshot; `Last-Event-ID`, of a reconnecting browser, is newer."""
        cursor = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise InvalidError("`after` must be the id of an event.", hint="Load the page again.")
        async with self._core.caller(self._cookie.read(request)) as caller:
            page = Page(caller.token, int(cursor), request.query.get("digest", ""))
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                # nginx would collect events until its buffer is full.
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        try:
            async with self._feeds.following(request.query.get("agent"), page):
                await page.write_to(response.write)
        except ConnectionError:
            pass  # the page was closed
        return response
