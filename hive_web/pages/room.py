"""What every page and every form of somebody signed in has in common."""

from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.operator.look import LookHistory, LookReply
from hive_web.cookie import SessionCookie
from hive_web.core import READ_SECONDS, Caller, Core
from hive_web.errands import Errands
from hive_web.feed import Feeds
from hive_web.front import Fronts
from hive_web.history import Histories
from hive_web.look import Look
from hive_web.render import Renderer, as_bytes


@dataclass(frozen=True)
class Site:
    """What pages are made with."""

    core: Core
    render: Renderer
    cookie: SessionCookie
    errands: Errands
    fronts: Fronts
    histories: Histories
    feeds: Feeds


class Room:
    """A part of the dashboard."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    @asynccontextmanager
    async def caller(self, request: web.Request, time_limit: float | None = READ_SECONDS) -> AsyncIterator[Caller]:
        async with self.site.core.caller(self.site.cookie.read(request), time_limit) as caller:
            yield caller

    async def glance(self, request: web.Request, history: LookHistory | None = None) -> tuple[Caller, Look, LookReply]:
        """As `Core.glance`; while somebody's page is open, what the feeds look at is looked at for this page too."""
        token = self.site.cookie.read(request)
        return await self.site.core.glance(token, history, within=self.site.feeds.looks_apart)

    def page(
        self,
        template: str,
        caller: Caller,
        look: Look,
        *,
        here: str = "",
        stamp: str | None = None,
        status: int = 200,
        **values: Any,
    ) -> web.Response:
        """A page in its frame; `here` is its place in the navigation.

        It loads itself again when the stamp of its place is another one than now; with a `stamp`, when that is another
        one; with an empty one, never.
        """
        return self.site.render.page(template, status=status, **frame_values(caller, look, here, stamp), **values)

    def kept_page(
        self,
        template: str,
        caller: Caller,
        look: Look,
        filled: Mapping[str, str | bytes],
        *,
        here: str = "",
        key: Hashable = None,
        stamp: object = None,
        **values: Any,
    ) -> web.Response:
        """As `page`, for pages that are asked for all the time: made anew only when what they are made of changes.

        `key` tells pages of one template apart, `stamp` says whether `values` are others. What changes all the time is
        `filled` in: texts, and finished markup.
        """
        gaps = {
            "cursor": str(look.cursor),
            "waiting_mark": look.view.title,
            "summary": look.view.summary,
            **filled,
        }
        frame = frame_values(caller, look, here)
        return self.site.render.kept_page(
            template,
            (caller.name, caller.role, key),
            (look.still, look.counts, frame["place_stamp"], stamp),
            {name: text if isinstance(text, bytes) else as_bytes(text) for name, text in gaps.items()},
            **frame,
            **values,
        )


def frame_values(caller: Caller, look: Look, here: str, stamp: str | None = None) -> dict[str, Any]:
    """What `frame.html` needs around every page of somebody signed in."""
    return {
        "hive": look.view,
        "me": caller,
        "cursor": look.cursor,
        "counts": look.counts,
        "here": here,
        "place_stamp": look.stamps.get(here, "") if stamp is None else stamp,
    }


def see(where: str) -> web.Response:
    """Go and look: a reload then repeats nothing."""
    return web.Response(status=303, headers={"Location": where})


def number(text: str | None) -> int | None:
    """An id from an address; None where there is none. Bounded, so that it fits into a database."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidError("That is not the number of an event.", hint="Use the links on the page.")
    return int(text)
