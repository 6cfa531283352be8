"""Watching: no gap, nothing twice, in order, and nobody slow costs memory."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.events import Events, Hub
from hive_core.store import Database
from hive_rpc.interfaces.operator.events import WatchReply
from hive_rpc.types import Event, EventKind
from tests.support.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "events.sqlite", "events") as database:
        yield database


@pytest.fixture
def hub(database: Database) -> Hub:
    return Hub(database)


@pytest.fixture
def events(database: Database, clock: ManualClock, hub: Hub) -> Events:
    return Events(database, clock, hub)


class Pusher:
    """A harness that counts its sequences."""

    def __init__(self, events: Events, clock: ManualClock, agent: str = "worker") -> None:
        self.events, self.clock, self.agent, self.sequence = events, clock, agent, 0

    def make(self, text: str, kind: EventKind = EventKind.TEXT) -> Event:
        self.sequence += 1
        return Event(kind=kind, at=self.clock.now(), sequence=self.sequence, text=text)

    async def push(self, *texts: str) -> None:
        """`.x` is a text delta."""
        made = [
            self.make(t.removeprefix("."), EventKind.TEXT_DELTA if t.startswith(".") else EventKind.TEXT) for t in texts
        ]
        await self.events.push(self.agent, "i1", made)


@pytest.fixture
def worker(events: Events, clock: ManualClock) -> Pusher:
    return Pusher(events, clock)


async def texts(stream: AsyncIterator[WatchReply], count: int) -> list[str | None]:
    """The next `count` events' texts."""
    seen: list[str | None] = []
    while len(seen) < count:
        seen += [e.text for e in (await anext(stream)).events]
    return seen


async def test_the_first_reply_comes_at_once_and_then_what_happens(hub: Hub, worker: Pusher) -> None:
    await worker.push("before")
    stream = hub.watch("worker")
    first = await anext(stream)
    assert (first.events, first.cursor, first.reset) == ([], 1, False)
    await worker.push("a", "b")
    assert await texts(stream, 2) == ["a", "b"]


async def test_a_watcher_that_comes_back_gets_what_it_missed_once(hub: Hub, worker: Pusher) -> None:
    await worker.push("1", "2", "3")
    stream = hub.watch("worker", after=1)
    assert await texts(stream, 2) == ["2", "3"]
    await worker.push("4")
    assert await texts(stream, 1) == ["4"]


async def test_nothing_is_missed_or_doubled_while_events_are_pushed(
    hub: Hub, events: Events, clock: ManualClock
) -> None:
    pushers = [Pusher(events, clock, agent) for agent in ("worker", "writer", "manager")]

    async def push_all(pusher: Pusher) -> None:
        for n in range(40):
            await pusher.push(*(f"{pusher.agent} {n}.{k}" for k in range(5)))

    async def watch_in_pieces() -> list[int]:
        ids: list[int] = []
        cursor = 0
        while len(ids) < 600:
            stream = hub.watch(after=cursor)
            for _ in range(3):
                reply = await anext(stream)
                ids += [e.id for e in reply.events]
                cursor = reply.cursor
                if len(ids) == 600:
                    break
        return ids

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch_in_pieces())
        for pusher in pushers:
            group.create_task(push_all(pusher))
    assert watching.result() == list(range(1, 601))


async def test_a_long_history_comes_in_pages(hub: Hub, worker: Pusher) -> None:
    for n in range(12):
        await worker.push(*(str(n * 100 + k) for k in range(100)))
    stream = hub.watch("worker", after=0)
    assert await texts(stream, 1200) == [str(n) for n in range(1200)]
    await worker.push("live")
    assert await texts(stream, 1) == ["live"]


async def test_one_agents_watcher_sees_nothing_of_another(
    hub: Hub, events: Events, clock: ManualClock, worker: Pusher
) -> None:
    stream = hub.watch("worker", after=0)
    await anext(stream)
    await Pusher(events, clock, "writer").push("not for you")
    await worker.push("for you")
    reply = await anext(stream)
    assert [e.text for e in reply.events] == ["for you"]
    assert reply.cursor == 2


async def test_text_deltas_come_in_their_place_to_those_who_ask_and_are_not_stored(
    hub: Hub, events: Events, worker: Pusher
) -> None:
    with_deltas = hub.watch("worker", deltas=True)
    without = hub.watch("worker")
    await anext(with_deltas), await anext(without)
    await worker.push("start", ".he", ".llo", "hello")
    await worker.push(".more")
    assert await texts(with_deltas, 5) == ["start", "he", "llo", "hello", "more"]
    assert await texts(without, 2) == ["start", "hello"]
    assert [e.text for e in (await events.page("worker")).events] == ["start", "hello"]


async def test_after_a_restart_a_delta_comes_after_what_was_stored_before(
    database: Database, clock: ManualClock, worker: Pusher
) -> None:
    await worker.push("start")
    hub = await Hub.of(database)
    worker.events = Events(database, clock, hub)
    stream = hub.watch("worker", after=0, deltas=True)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)  # It watches, and has yet to read.
    await worker.push(".more")
    assert [e.text for e in (await first).events] == ["start", "more"]


async def test_a_slow_watcher_is_reset_instead_of_growing(hub: Hub, events: Events, worker: Pusher) -> None:
    stream = hub.watch("worker", deltas=True)
    await anext(stream)
    for _ in range(5):
        await worker.push("." + "x" * 60_000)
    await worker.push("the end")
    reply = await anext(stream)
    assert reply.reset
    assert reply.events == []
    assert reply.cursor == 1
    await worker.push("live again", ".and deltas")
    assert await texts(stream, 2) == ["live again", "and deltas"]


async def test_whoever_wants_to_resume_before_what_is_kept_is_reset(
    hub: Hub, database: Database, worker: Pusher
) -> None:
    await worker.push("1", "2", "3")
    await database.write(lambda c: c.execute("DELETE FROM events WHERE id <= 2").rowcount)
    await database.write(lambda c: c.execute("UPDATE horizon SET id = 2").rowcount)
    assert (await anext(hub.watch(after=1))).reset
    assert not (await anext(hub.watch(after=2))).reset


async def test_an_id_from_another_life_is_reset(hub: Hub, worker: Pusher) -> None:
    await worker.push("1")
    reply = await anext(hub.watch(after=1000))
    assert (reply.reset, reply.cursor) == (True, 1)


async def test_nothing_is_kept_for_a_watcher_that_went(hub: Hub, worker: Pusher) -> None:
    def kept() -> bool:
        told = weakref.ref(delta := worker.make("x", EventKind.TEXT_DELTA))
        hub.delta("worker", delta)
        del delta
        gc.collect()
        return told() is not None

    stream = hub.watch("worker", deltas=True)
    await anext(stream)
    assert kept(), "control: for one that watches it waits"
    await stream.aclose()
    assert not kept()
