"""The looks that all feeds share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import WatchReply
from hive_rpc.interfaces.operator.look import LookReply, LookRequest
from hive_rpc.types import AgentState, Event, EventKind
from hive_web.core import Core
from hive_web.feed import KEPT_BYTES, Feed, Feeds, Pace, Page
from hive_web.front import Fronts
from hive_web.mirror import Mirror
from tests.support.fake_core import FakeCore, FakeOperator

SELDOM = Pace(refresh_apart=60, refresh_every=60, recheck=60, heartbeat=60, retry=0.01)


class Lingering(Core):
    """Its first connections take a while to close."""

    def __init__(self, core: FakeCore, path: Path) -> None:
        super().__init__(path, core.clock)
        self.closing, self.closed = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def operator(self, time_limit: float | None = None) -> AsyncIterator[Operator]:
        async with super().operator(time_limit) as operator:
            yield operator
        self.closing.set()
        await self.closed.wait()


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[FakeCore]:
    core = FakeCore()
    core.agent("worker")
    await core.start(tmp_path / "web.sock")
    yield core
    await core.stop()


@asynccontextmanager
async def following(feeds: Feeds, core: FakeCore, agent: str | None = None) -> AsyncIterator[asyncio.Queue[str]]:
    """What a page is told."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def write(data: bytes) -> None:
        told.put_nowait(data.decode())

    page = Page(core.sign_in(), core.cursor, "")
    async with feeds.following(agent, page):
        writing = asyncio.create_task(page.write_to(write))
        try:
            yield told
        finally:
            writing.cancel()
            await asyncio.wait({writing})


async def test_a_page_is_not_told_how_it_was_before_what_another_look_has_shown(core: FakeCore, tmp_path: Path) -> None:
    web = Lingering(core, tmp_path / "web.sock")
    feeds = Feeds(web, Fronts(), core.clock, SELDOM)
    async with following(feeds, core) as told:
        await web.closing.wait()
        core.agent("worker", AgentState.PARKED)
        async with web.caller(core.sign_in()) as caller:
            await caller.look()
        async with following(feeds, core):
            web.closed.set()
            for _ in range(10):
                await asyncio.sleep(0)
    text = ""
    while not told.empty():
        text += told.get_nowait()
    assert text.rindex('"state":"parked"') > text.rindex('"state":"idle"')


async def test_pages_that_come_after_a_look_that_failed_are_looked_at_for(
    core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ArithmeticError

    feeds = Feeds(Core(tmp_path / "web.sock", core.clock), Fronts(), core.clock, SELDOM)
    with monkeypatch.context() as broken:
        broken.setattr(Mirror, "look", fail)
        slow = following(feeds, core)
        told = await slow.__aenter__()
        assert "event: reset" in await told.get()
    async with following(feeds, core) as told:
        assert "event: hive" in await told.get()
    await slow.__aexit__(None, None, None)


async def test_pages_that_come_after_a_feed_that_failed_hear_what_happens(
    core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError

    feeds = Feeds(Core(tmp_path / "web.sock", core.clock), Fronts(), core.clock, SELDOM)
    async with following(feeds, core, "worker") as slow:
        with monkeypatch.context() as broken:
            broken.setattr("hive_web.feed._agent_frames", fail)
            core.emit(EventKind.NOTICE, "worker", text="one")
            while "event: reset" not in await slow.get():
                pass
        async with following(feeds, core, "worker") as told:
            core.emit(EventKind.NOTICE, "worker", text="two")
            while '"text":"two"' not in await told.get():
                pass
    assert feeds.looks_apart == 0, "nobody is left"


async def test_a_page_that_is_gone_at_once_leaves_nothing_that_was_begun(
    core: FakeCore, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    feeds = Feeds(Core(tmp_path / "web.sock", core.clock), Fronts(), core.clock, SELDOM)
    with pytest.raises(ConnectionError):
        async with feeds.following(None, Page(core.sign_in(), 0, "")):
            raise ConnectionError
    assert not [str(warning.message) for warning in recwarn]


async def test_a_core_that_is_there_and_says_nothing_is_said_to_be_away(
    core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, look = asyncio.Event(), FakeOperator.look

    async def late(self: FakeOperator, request: LookRequest) -> LookReply:
        await answers.wait()
        return await look(self, request)

    monkeypatch.setattr("hive_web.feed.READ_SECONDS", 0.05)
    often = Pace(refresh_apart=0, refresh_every=0.01, recheck=60, heartbeat=60, retry=0.01)
    answers.set()
    feeds = Feeds(Core(tmp_path / "web.sock", core.clock), Fronts(), core.clock, often)
    async with following(feeds, core) as told:
        assert "event: hive" in await told.get()
        monkeypatch.setattr(FakeOperator, "look", late)
        answers.clear()
        while '"reachable":false' not in await told.get():
            pass
        answers.set()
        while '"reachable":true' not in await told.get():
            pass


async def test_what_is_kept_for_pages_that_come_back_is_bounded_in_bytes(core: FakeCore, tmp_path: Path) -> None:
    web = Core(tmp_path / "web.sock", core.clock)
    agent = "worker"
    feed = Feed(core=web, fronts=Fronts(), clock=core.clock, pace=SELDOM, agent=agent, cursor=0, stir=lambda: None)
    event = partial(Event, kind=EventKind.TEXT, at=core.clock.now(), agent=agent, turn_id="t", text="\x01" * 24_000)
    for number in range(1, 201):
        feed._batch(WatchReply(events=[event(id=number)], cursor=number))
    assert sum(len(data) for _, data in feed._kept) <= KEPT_BYTES
    first = feed._kept[0][0]
    assert [feed.reaches(cursor) for cursor in (0, first - 2, first - 1, 200)] == [False, False, True, True]
