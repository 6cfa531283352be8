"""One page's live stream: server-sent events (HTML standard, 9.2), made from core's `Watch`.

Frames, and the page that gets them:
  `hive`        both   {hive, waiting}: when the header or what waits for an operator has changed
  `agents`      both   {names, changed}: which agents there are, and those that look different from before
  `messages`    hive   new messages of the conversation
  `timeline`    agent  patches (hive_web/view/timeline.py)
  `delta`       agent  {turn, text}: a piece of text while it is written
  `core`        both   {reachable}: whether core answers; a stream outlives core's restarts
  `reset`       both   what was missed is no longer stored: load the page again
  `signed-out`  both   the session has ended

The last frame made of one batch carries core's cursor as its `id`, so a browser that reconnects names a batch that it
has whole. A batch may be seen twice, never missed; what is in it has keys, and a page applies each key once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias

from hive_base.clock import Clock
from hive_rpc.errors import NotSignedInError, UnavailableError
from hive_rpc.interfaces.operator import WatchReply, WatchRequest
from hive_rpc.types import Event, EventKind, Message
from hive_web.core import Core
from hive_web.view.agents import AgentView, agent_view, hive_view, waiting_views
from hive_web.view.messages import PREVIEW, message_view
from hive_web.view.timeline import patch
from hive_web.view.wire import dumps

Write: TypeAlias = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    refresh_apart: float = 1.0
    """At least this much between two looks at the status, however much happens."""
    refresh_every: float = 10.0
    """Look at the status even when nothing seems to happen: not everything in it has an event."""
    heartbeat: float = 15.0
    """A comment after so much silence: proxies drop idle connections, and a write finds out that a page is gone."""
    retry: float = 1.0
    """Between attempts to reach core."""


class Signal(Enum):
    CORE_AWAY = auto()
    SIGNED_OUT = auto()


class _EndOfStream(Exception):  # noqa: N818 - it is no error
    """The page has been told all there is to tell."""


def frame(event: str, view: Any, cursor: int | None = None) -> bytes:
    identity = "" if cursor is None else f"id: {cursor}\n"
    return f"{identity}event: {event}\ndata: {dumps(view)}\n\n".encode()


class LiveStream:
    """One page's stream, from a cursor on. `agent` is whose page it is; None is the hive's page."""

    def __init__(
        self, *, core: Core, clock: Clock, pace: Pace, token: str, agent: str | None, cursor: int, write: Write
    ) -> None:
        self._core = core
        self._clock = clock
        self._pace = pace
        self._token = token
        self._agent = agent
        self._cursor = cursor
        self._write = write
        self._queue: asyncio.Queue[WatchReply | Signal] = asyncio.Queue(maxsize=100)
        self._refreshed = float("-inf")
        self._refresh_due = float("-inf")
        self._wrote = clock.monotonic()
        self._core_away = False
        self._hive_sent = ""
        self._agents_sent: dict[str, AgentView] | None = None

    async def run(self) -> None:
        """Write frames until the session ends or the page is gone, which `write` reports as a ConnectionError."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                group.create_task(self._serve())
        except* _EndOfStream:
            pass

    async def _watch(self) -> None:
        """Follow core's events for as long as there is a session, over any number of connections."""
        while True:
            try:
                await self._watch_once()
            except UnavailableError:
                await self._queue.put(Signal.CORE_AWAY)
            except NotSignedInError:
                await self._queue.put(Signal.SIGNED_OUT)
                return
            await self._clock.sleep(self._pace.retry)

    async def _watch_once(self) -> None:
        request = WatchRequest(
            session=self._token, agent=self._agent, after=self._cursor, deltas=self._agent is not None
        )
        async with self._core.operator() as operator:
            async for batch in operator.watch(request):
                await self._queue.put(batch)
                self._cursor = batch.cursor

    async def _serve(self) -> None:
        while True:
            now = self._clock.monotonic()
            if now >= self._refresh_due and not self._core_away:
                await self._refresh()
                continue
            due = self._wrote + self._pace.heartbeat
            if not self._core_away:
                due = min(due, self._refresh_due)
            try:
                async with asyncio.timeout(max(0.0, due - now)):
                    item = await self._queue.get()
            except TimeoutError:
                if self._clock.monotonic() >= self._wrote + self._pace.heartbeat:
                    await self._send(b": still here\n\n")
                continue
            await self._tell(item)

    async def _tell(self, item: WatchReply | Signal) -> None:
        match item:
            case Signal.SIGNED_OUT:
                await self._send(frame("signed-out", {}))
                raise _EndOfStream
            case Signal.CORE_AWAY:
                if not self._core_away:
                    self._core_away = True
                    await self._send(frame("core", {"reachable": False}))
            case WatchReply():
                if self._core_away:
                    self._core_away = False
                    self._refresh_due = self._clock.monotonic()
                    await self._send(frame("core", {"reachable": True}))
                await self._batch(item)

    async def _batch(self, batch: WatchReply) -> None:
        if batch.reset:
            await self._send(frame("reset", {}, batch.cursor))
            raise _EndOfStream
        frames = self._hive_frames(batch.events) if self._agent is None else self._agent_frames(batch.events)
        if frames:
            *first, (event, view) = frames
            await self._send(b"".join(frame(*f) for f in first) + frame(event, view, batch.cursor))
        if any(event.kind is not EventKind.TEXT_DELTA for event in batch.events):
            soonest = self._refreshed + self._pace.refresh_apart
            self._refresh_due = min(self._refresh_due, max(self._clock.monotonic(), soonest))

    def _hive_frames(self, events: list[Event]) -> list[tuple[str, Any]]:
        messages: dict[str, Message] = {event.message.id: event.message for event in events if event.message}
        if not messages:
            return []
        return [("messages", [message_view(message, limit=PREVIEW) for message in messages.values()])]

    def _agent_frames(self, events: list[Event]) -> list[tuple[str, Any]]:
        """Runs of patches and of deltas, in the order of the events: a delta belongs before the text that ends it."""
        frames: list[tuple[str, Any]] = []
        for event in events:
            if event.kind is EventKind.TEXT_DELTA:
                frames.append(("delta", {"turn": f"turn {event.turn_id}", "text": event.text or ""}))
            elif change := patch(event, self._agent or ""):
                if not frames or frames[-1][0] != "timeline":
                    frames.append(("timeline", []))
                frames[-1][1].append(change)
        return frames

    async def _refresh(self) -> None:
        """Ask for the status, and tell what looks different from what was told before."""
        self._refreshed = self._clock.monotonic()
        self._refresh_due = self._refreshed + self._pace.refresh_every
        try:
            async with self._core.caller(self._token) as caller:
                status = await caller.status()
        except UnavailableError:
            return  # the watch says so, once
        except NotSignedInError:
            await self._tell(Signal.SIGNED_OUT)
            return
        hive = {"hive": hive_view(status), "waiting": waiting_views(status)}
        if (text := dumps(hive)) != self._hive_sent:
            self._hive_sent = text
            await self._send(frame("hive", hive))
        agents = {a.name: agent_view(a) for a in status.agents if self._agent in (None, a.name)}
        before = self._agents_sent or {}
        changed = [view for name, view in agents.items() if before.get(name) != view]
        if changed or agents.keys() != before.keys() or self._agents_sent is None:
            await self._send(frame("agents", {"names": list(agents), "changed": changed}))
        self._agents_sent = agents

    async def _send(self, data: bytes) -> None:
        await self._write(data)
        self._wrote = self._clock.monotonic()
