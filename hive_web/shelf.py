"""Pages that were made a moment ago, for the next who asks for the same while nothing has changed.

Core says with each look at a session whether anything was stored since (`version`), so a page from here is what would
be made anew. It is kept for one person in one role: it shows their name, and what they may do.
"""

from dataclasses import dataclass

from aiohttp import web

from hive_base.clock import Clock
from hive_base.ids import new_secret
from hive_web.core import Caller

KEPT = 64
"""Pages; each has at most some 150 KB."""
KEPT_SECONDS = 2.0
"""Not everything that is shown is stored: what the gateway reports is not."""
SECRET = "a-secret-for-each-page"  # noqa: S105 - it stands for one
"""Stands in a kept page for a key that every page has of its own."""


@dataclass(frozen=True)
class _Kept:
    version: str
    at: float
    text: bytes


class Shelf:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pages: dict[tuple[str, str, str], _Kept] = {}

    def find(self, request: web.Request, caller: Caller) -> web.Response | None:
        kept = self._pages.get(_key(request, caller))
        if kept is None or kept.version != caller.version or self._clock.monotonic() - kept.at > KEPT_SECONDS:
            return None
        return _answer(kept.text)

    def keep(self, request: web.Request, caller: Caller, page: web.Response) -> web.Response:
        """The answer for a page in which `SECRET` stands wherever it needs a key of its own."""
        text = page.body if isinstance(page.body, bytes) else b""
        if caller.version:
            if len(self._pages) >= KEPT:
                self._pages.clear()
            self._pages[_key(request, caller)] = _Kept(caller.version, self._clock.monotonic(), text)
        return _answer(text)


def _key(request: web.Request, caller: Caller) -> tuple[str, str, str]:
    return request.path_qs, caller.name, caller.role.value


def _answer(text: bytes) -> web.Response:
    body = text.replace(SECRET.encode(), new_secret().encode())
    return web.Response(body=body, content_type="text/html", charset="utf-8")
