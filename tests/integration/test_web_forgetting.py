"""What the dashboard keeps of the hive between two looks is gone when nobody has looked for some minutes."""

import gc
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from hive_rpc.types import OPERATOR, Role
from hive_web.forgetting import FORGET_SECONDS
from tests.support.dashboard import Dashboard, dashboard
from tests.support.manual_clock import ManualClock

MARK = "the-name-of-the-unannounced-product"


def is_kept() -> bool:
    """Whether anything in this process still refers to a text with the mark in it."""
    gc.collect()
    mark = MARK.encode()
    return any(
        mark in (text.encode() if isinstance(text, str) else text)
        for holder in gc.get_objects()
        for text in gc.get_referents(holder)
        if isinstance(text, str | bytes) and len(text) > len(MARK)
    )


async def shows_it(site: Dashboard, token: str, path: str) -> bool:
    """Over a connection that is closed then: it would hold the last answer."""
    async with ClientSession(cookies={site.cookie: token}, cookie_jar=CookieJar(unsafe=True)) as browser:
        async with browser.get(site.origin + path) as answer:
            return MARK in await answer.text()


async def test_what_was_shown_is_forgotten_when_nobody_looks(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        clock = site.core.clock
        assert isinstance(clock, ManualClock)
        token = site.core.sign_in("ada", Role.VIEWER)
        site.core.agent("worker")
        site.core.message("worker", OPERATOR, f"It is {MARK} then.")
        for path in ("/", "/agent/worker/"):
            assert await shows_it(site, token, path)
        site.core.messages.clear()
        site.core.events.clear()
        site.core._told.clear()
        assert is_kept(), "control: it is found where it is kept"
        await clock.advance(FORGET_SECONDS)
        assert is_kept(), "somebody has looked within this time"
        await clock.advance(FORGET_SECONDS)
        assert not is_kept()
        assert not await shows_it(site, token, "/")
