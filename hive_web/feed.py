"""Live streams, shared: however many pages are open, core is watched once for the front page and once for each agent,
and the hive is looked at for all of them together.

Frames, and the pages that get them:
  `hive`        all    {hive, counts, stamps}: when the header, what waits, or another page's content has changed
  `lists`       front  {lists: {name: {keys, changed}}, digest}: lists whose items look different from before
  `agent`       agent  {agent, stamps}: its view, or null when it is gone; when its pages' contents have changed
  `timeline`    agent  a patch (hive_web/view/timeline.py), with its event's id; a page is told each once, in order
  `delta`       agent  {turn, text}: a piece of text while it is written
  `core`        all    {reachable}: whether core answers; a stream outlives core's restarts
  `reset`       all    what was missed is no longer stored: load the page again
  `signed-out`  all    the session has ended

A browser that reconnects names the last event that it was told, so nothing is missed and nothing told twice.

Everybody sees the same, so one watch serves all; but each session is asked about again and again, and its pages end
with it. The watch is made with the session of somebody who is looking: while nobody is, nothing is watched.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from hive_base.clock import Clock
from hive_rpc.errors import HiveError, NotFoundError, NotSignedInError, UnavailableError
from hive_rpc.interfaces.operator.events import WatchReply, WatchRequest
from hive_rpc.interfaces.session import DescribeRequest
from hive_rpc.types import Event, EventKind
from hive_web.core import READ_SECONDS, Core
from hive_web.front import Fronts
from hive_web.look import Look
from hive_web.view.timeline import patch
from hive_web.view.wire import dumps

log = logging.getLogger(__name__)

Stir = Callable[[], None]
"""To be called when the hive may be other than it was."""

PAGES_APART = 0.1
"""Seconds between two looks at most, when pages are loaded one after the other while others are open."""
KEPT = 1000
"""Frames that are kept for pages that join or come back."""
KEPT_BYTES = 8 * 1024 * 1024
"""All of them together: an agent chooses how large each is."""
STILL_HERE = b": still here\n\n"
MAX_BEHIND = 1024 * 1024
"""Bytes that wait for one page; a page that is slower is told to load anew."""


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    refresh_apart: float = 0.5
    """At least this much between two looks at the hive, however much happens."""
    refresh_every: float = 2.0
    """At most this much, even when nothing seems to happen: not everything has an event."""
    recheck: float = 5.0
    """How long a page may outlive its session."""
    heartbeat: float = 15.0
    """Between comments: proxies drop idle connections, and a write finds out that a page is gone."""
    retry: float = 1.0
    """Between attempts to reach core."""


def frame(event: str, view: Any, cursor: int | None = None) -> bytes:
    identity = "" if cursor is None else f"id: {cursor}\n"
    return f"{identity}event: {event}\ndata: {dumps(view)}\n\n".encode()


class Page:
    """One open page: what waits to be written to it."""

    def __init__(self, token: str, cursor: int, digest: str) -> None:
        self.token = token
        self.cursor = cursor
        """What it has of the events."""
        self.digest = digest
        """Of the lists that it showed when it came."""
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._woken = asyncio.Event()
        self._ended = False

    def put(self, data: bytes) -> None:
        if self._ended:
            return
        self._bytes += len(data)
        if self._bytes > MAX_BEHIND:
            self._waiting.clear()
            self.end(frame("reset", {}))
            return
        self._waiting.append(data)
        self._woken.set()

    def put_event(self, number: int, data: bytes) -> None:
        """Unless it has it already: what is kept, what core is asked for, and what comes in may overlap."""
        if number > self.cursor:
            self.cursor = number
            self.put(data)

    def end(self, last: bytes) -> None:
        """Say this, and nothing more."""
        if not self._ended:
            self._waiting.append(last)
            self._ended = True
            self._woken.set()

    async def write_to(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Until the page has been told the last there is; ConnectionError when it is gone."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            data, self._waiting, self._bytes = b"".join(self._waiting), [], 0
            if data:
                await write(data)
            if self._ended and not self._waiting:
                return


class Feed:
    """What happens, for all open pages of one kind. `agent` is whose pages they are; None is everybody else."""

    def __init__(
        self, *, core: Core, fronts: Fronts, clock: Clock, pace: Pace, agent: str | None, cursor: int, stir: Stir
    ) -> None:
        self._core = core
        self._fronts = fronts
        self._clock = clock
        self._pace = pace
        self._agent = agent
        self._start = self._cursor = cursor
        self.pages: set[Page] = set()
        self.users = 0
        """Pages, and those that are about to join."""
        self.task: asyncio.Task[None] | None = None
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self._stir = stir
        self._away = False
        self._shown: Look | None = None
        self._hive = b""
        self._digest = ""
        self._one = b""

    def join(self, page: Page) -> None:
        """From now on it is told what happens, after what it may have missed."""
        if (newest := self._core.mirror.newest) is not None:
            # What we showed last may be older than the page.
            self.show(newest)
        else:
            self._stir()
        self.pages.add(page)
        if self._away:
            page.put(frame("core", {"reachable": False}))
        for number, data in self._kept:
            page.put_event(number, data)
        for data in (self._hive, self._one):
            if data:
                page.put(data)
        if self._digest and self._fronts.digest != page.digest:
            page.put(self._lists(page.digest))

    def reaches(self, cursor: int) -> bool:
        """Whether everything after this cursor is still kept here."""
        return cursor >= self._start

    def _keep(self, number: int, data: bytes) -> None:
        self._kept.append((number, data))
        self._kept_bytes += len(data)
        while len(self._kept) > KEPT or self._kept_bytes > KEPT_BYTES:
            self._start, gone = self._kept.popleft()
            self._kept_bytes -= len(gone)

    def has_seen(self, cursor: int) -> bool:
        """If not, it is a little ahead of us, or of another history than core's: core knows."""
        return cursor <= self._cursor

    async def run(self) -> None:
        """For as long as there are pages, which the owner sees to."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._recheck_often())
            group.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(self._pace.heartbeat)
            self._tell(STILL_HERE)

    # Events

    async def _watch(self) -> None:
        while True:
            try:
                await self._watch_as(self.somebody)
            except NotSignedInError:
                await self.recheck()
            except UnavailableError:
                self.core_away()
            await self._clock.sleep(self._pace.retry)

    async def _watch_as(self, token: str) -> None:
        request = WatchRequest(
            session=token, agent=self._agent, after=self._cursor, deltas=self._agent is not None, background=True
        )
        async with self._core.operator() as operator:
            async for batch in operator.watch(request):
                self.core_back()
                self._batch(batch)

    @property
    def somebody(self) -> str:
        """The session of one who is looking."""
        return next(iter(self.pages)).token if self.pages else ""

    def core_away(self) -> None:
        if not self._away:
            self._away = True
            self._tell(frame("core", {"reachable": False}))

    def core_back(self) -> None:
        if self._away:
            self._away = False
            self._tell(frame("core", {"reachable": True}))
            self._stir()

    def _batch(self, batch: WatchReply) -> None:
        self._cursor = batch.cursor
        if batch.reset:
            self._start = batch.cursor
            self._kept.clear()
            self._kept_bytes = 0
            for page in list(self.pages):
                page.end(frame("reset", {}, batch.cursor))
            return
        stored = any(event.kind is not EventKind.TEXT_DELTA for event in batch.events)
        if stored:
            self._stir()
        if self._agent is None:
            return
        for number, data in _agent_frames(batch.events, self._agent):
            if number == 0:
                self._tell(data)
                continue
            self._keep(number, data)
            for page in self.pages:
                page.put_event(number, data)

    def _tell(self, data: bytes) -> None:
        for page in self.pages:
            page.put(data)

    # The state

    def show(self, found: Look) -> None:
        if found is self._shown:
            return
        self._shown = found
        data = frame("hive", {"hive": found.view, "counts": found.counts, "stamps": found.stamps})
        if data != self._hive:
            self._hive = data
            self._tell(data)
        if self._agent is None:
            now = self._fronts.show(found).digest
            before, self._digest = self._digest, now
            if not before:
                for page in self.pages:
                    if page.digest != now:
                        page.put(self._lists(page.digest))
            elif before != now:
                self._tell(self._lists(before))
            return
        try:
            view = found.shown(self._agent)
        except NotFoundError:
            view = None
        data = frame("agent", {"agent": view, "stamps": found.agent_stamps(self._agent)})
        if data != self._one:
            self._one = data
            self._tell(data)

    def _lists(self, digest: str) -> bytes:
        """For pages that show this."""
        return frame("lists", {"lists": self._fronts.changes(digest), "digest": self._fronts.digest})

    # Sessions

    async def _recheck_often(self) -> None:
        while True:
            await self._clock.sleep(self._pace.recheck)
            await self.recheck()

    async def recheck(self) -> None:
        """End the pages of sessions that are over."""
        for token in {page.token for page in self.pages}:
            try:
                async with asyncio.timeout(READ_SECONDS), self._core.session() as session:
                    await session.describe(DescribeRequest(session=token, background=True))
            except NotSignedInError:
                for page in [page for page in self.pages if page.token == token]:
                    page.end(frame("signed-out", {}))
                    self.pages.discard(page)
            except (HiveError, TimeoutError):
                return


def _agent_frames(events: list[Event], agent: str) -> Iterator[tuple[int, bytes]]:
    """With the event's id; 0 for a piece of text, which is told only to those who listen when it is written."""
    for event in events:
        if event.kind is EventKind.TEXT_DELTA:
            yield 0, frame("delta", {"turn": f"turn {event.turn_id}", "text": event.text or ""})
        elif change := patch(event, agent):
            yield event.id, frame("timeline", change, event.id)


class Feeds:
    """The feeds that somebody looks at."""

    def __init__(self, core: Core, fronts: Fronts, clock: Clock, pace: Pace) -> None:
        self._core = core
        self._fronts = fronts
        self._clock = clock
        self._pace = pace
        self._feeds: dict[str | None, Feed] = {}
        self._stirred = asyncio.Event()
        """The hive may be other than it was."""
        self._looking: asyncio.Task[None] | None = None

    @property
    def looks_apart(self) -> float:
        """In seconds. While a page is open, a look so old will do for others: what came since, they are soon told."""
        return min(self._pace.refresh_apart, PAGES_APART) if self._feeds else 0

    async def beat(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Say now and then that a stream is there, until it is not: then ConnectionError."""
        while True:
            await self._clock.sleep(self._pace.heartbeat)
            await write(STILL_HERE)

    @asynccontextmanager
    async def following(self, agent: str | None, page: Page) -> AsyncIterator[None]:
        """Put what happens to the page for as long as the block runs."""
        feed = self._feeds.get(agent)
        # One that failed is there until its pages are gone, and tells them nothing more.
        if feed is None or feed.task is None or feed.task.done():
            feed = Feed(
                core=self._core,
                fronts=self._fronts,
                clock=self._clock,
                pace=self._pace,
                agent=agent,
                cursor=page.cursor,
                stir=self._stirred.set,
            )
            self._feeds[agent] = feed
            feed.task = asyncio.create_task(_run(feed.run, {agent: feed}), name=f"feed {agent or ''}")
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(_run(self._look_often, self._feeds), name="looks")
        feed.users += 1
        try:
            if agent is not None and not (feed.reaches(page.cursor) and feed.has_seen(page.cursor)):
                await self._catch_up(feed, page, agent)
            feed.join(page)
            yield
        finally:
            feed.pages.discard(page)
            feed.users -= 1
            if feed.users == 0:
                if self._feeds.get(agent) is feed:
                    del self._feeds[agent]
                assert feed.task is not None
                ended = {feed.task}
                if not self._feeds and self._looking is not None:
                    ended.add(self._looking)
                    self._looking = None
                for task in ended:
                    task.cancel()
                await asyncio.wait(ended)

    async def _look_often(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._pace.refresh_every - self._pace.refresh_apart)):
                    await self._stirred.wait()
            self._stirred.clear()
            await self._look()
            await self._clock.sleep(self._pace.refresh_apart)

    async def _look(self) -> None:
        looker = next((feed for feed in self._feeds.values() if feed.pages), None)
        if looker is None:
            return
        try:
            async with asyncio.timeout(READ_SECONDS), self._core.operator() as operator:
                _, look = await self._core.mirror.look(operator, looker.somebody, background=True)
                # At once: while the connection is closed, a newer one may be shown.
                for feed in self._feeds.values():
                    feed.core_back()
                    feed.show(look)
        except NotSignedInError:
            await looker.recheck()
        except (UnavailableError, TimeoutError):
            # A core that is there and says nothing does not break off what it streams.
            for feed in self._feeds.values():
                feed.core_away()
        except HiveError:
            return

    async def _catch_up(self, feed: Feed, page: Page, agent: str) -> None:
        """What core says has happened since, for a page whose cursor the feed does not know."""
        asked = WatchRequest(session=page.token, agent=agent, after=page.cursor, background=True)
        async with self._core.operator() as operator:
            async for batch in operator.watch(asked):
                if batch.reset:
                    page.end(frame("reset", {}, batch.cursor))
                    return
                for number, data in _agent_frames(batch.events, agent):
                    page.put_event(number, data)
                page.cursor = batch.cursor
                if feed.reaches(page.cursor):
                    return


async def _run(work: Callable[[], Awaitable[None]], feeds: Mapping[str | None, Feed]) -> None:
    """Work that fails is a mistake of ours; the pages of these feeds then begin anew."""
    try:
        await work()
    except Exception:
        log.exception("a feed failed")
        for feed in feeds.values():
            for page in feed.pages:
                page.end(frame("reset", {}))
