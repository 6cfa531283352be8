"""`/events`: the live stream of a page."""

from aiohttp import web

from hive_base.clock import Clock
from hive_rpc.errors import InvalidError
from hive_web.cookie import SessionCookie
from hive_web.core import Core
from hive_web.live import LiveStream, Pace


class Events:
    def __init__(self, *, core: Core, cookie: SessionCookie, clock: Clock, pace: Pace) -> None:
        self._core = core
        self._cookie = cookie
        self._clock = clock
        self._pace = pace

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/events", self.stream, allow_head=False)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """`?after=` is the cursor of the page's snapshot; `Last-Event-ID`, of a reconnecting browser, is newer."""
        cursor = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise InvalidError("`after` must be the id of an event.", hint="Load the page again.")
        token = self._cookie.read(request)
        async with self._core.caller(token) as caller:
            token = caller.token
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                # nginx would collect events until its buffer is full.
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        stream = LiveStream(
            core=self._core,
            clock=self._clock,
            pace=self._pace,
            token=token,
            agent=request.query.get("agent"),
            cursor=int(cursor),
            write=response.write,
        )
        try:
            await stream.run()
        except* ConnectionError:
            pass  # the page was closed
        return response
