"""The application: the one place that puts the dashboard's parts together."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

from hive_base.clock import Clock, SystemClock
from hive_base.tasks import alongside
from hive_web.assets import Assets
from hive_web.boundary import error_boundary
from hive_web.config import WebConfig
from hive_web.cookie import SessionCookie
from hive_web.core import Core
from hive_web.door import whole_body
from hive_web.errands import Errands
from hive_web.events import Events
from hive_web.feed import Feeds, Pace
from hive_web.forgetting import forget_unused
from hive_web.front import Fronts
from hive_web.history import Histories
from hive_web.metrics import Metrics
from hive_web.mirror import Mirror
from hive_web.pages import PAGES
from hive_web.pages.room import Site
from hive_web.render import Renderer
from hive_web.security import Handler, add_headers, known_host, same_origin
from hive_web.sign_in import SignIn

LARGEST_BODY = 512 * 1024
"""Bytes of a form: a message of 128 KiB whose every byte is percent-encoded, and a little."""


@dataclass(frozen=True)
class Timing:
    """Seconds, and where they come from."""

    clock: Clock = field(default_factory=SystemClock)
    pace: Pace = field(default_factory=Pace)
    errand_patience: float = 1.5
    """How long a browser waits for an agent to start or stop before it is shown the page."""


def create_app(config: WebConfig, timing: Timing | None = None) -> web.Application:
    timing = timing or Timing()
    core = Core(config.core_socket, timing.clock)
    assets = Assets()
    render = Renderer(assets, timing.clock)
    cookie = SessionCookie(secure=config.secure, clock=timing.clock)
    fronts = Fronts()
    errands = Errands(timing.errand_patience)
    histories = Histories()
    feeds = Feeds(core, fronts, timing.clock, timing.pace)
    site = Site(
        core=core, render=render, cookie=cookie, errands=errands, fronts=fronts, histories=histories, feeds=feeds
    )

    app = web.Application(
        client_max_size=LARGEST_BODY,
        middlewares=[
            # First, so that what the walls refuse is answered as everything else is.
            error_boundary(core, render, cookie),
            # DNS rebinding: before anything that reads the cookie.
            known_host(config.allowed_hosts),
            # Cross-site request forgery: before anything that changes something.
            same_origin(config.secure),
            # Bodies that trickle: before anything that waits for one, and only for who may send one.
            whole_body(config.request_seconds),
            _acting(core.mirror),
        ],
    )
    app.on_response_prepare.append(add_headers(config.secure))

    async def background(_: web.Application) -> AsyncIterator[None]:
        async with alongside(forget_unused(core.mirror, (fronts, histories, render), timing.clock)):
            yield
        await errands.finish()
        await core.close()

    app.cleanup_ctx.append(background)
    app.add_routes(
        [
            *SignIn(core=core, render=render, cookie=cookie).routes(),
            *(route for pages in PAGES for route in pages(site).routes()),
            *Events(core=core, cookie=cookie, feeds=feeds).routes(),
            *Metrics(core).routes(),
            web.get("/static/{version}/{name}", assets.get),
            web.get("/favicon.ico", _favicon),
        ]
    )
    return app


def _acting(mirror: Mirror) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whoever did something is shown the hive as it is after that."""
        try:
            return await handler(request)
        finally:
            if request.method == "POST":
                mirror.acted()

    return middleware


async def _favicon(request: web.Request) -> web.Response:
    """Asked for by browsers on their own; the pages name theirs."""
    return web.Response(status=204)
