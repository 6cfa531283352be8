"""The live stream of a real hive while its parts are killed: what was stored is told, in its order, each thing once."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from hive_base.tasks import alongside
from hive_rpc.client import connect
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import EventsRequest
from hive_rpc.interfaces.operator.messages import AwaitReplyRequest, OperatorSendRequest
from hive_rpc.types import Event, TurnOutcome
from hive_web.view.timeline import patch
from tests.support.browser import context, follow
from tests.support.hive_host import Hive
from tests.support.patience import SECONDS

AGENT = "ticker"
TURNS = 12
"""Few enough that the page shows all of it."""
WATCH_STATES = """
() => {
  window.states = [];
  const badge = document.getElementById("live");
  const note = () => window.states.push(badge.dataset.connection + ": " + badge.innerText.trim());
  new MutationObserver(note).observe(badge, { attributes: true, attributeFilter: ["data-connection"] });
}
"""
KEYS = "Array.from(document.querySelectorAll('#timeline [data-key]'), (element) => element.dataset.key)"


@dataclass
class Follower:
    """An SSE client as the standard has it: it comes back with the last id that it was told."""

    url: str
    cookies: dict[str, str]
    begin: int
    told: list[int] = field(default_factory=list)
    """The events of the patches, in the order in which they came."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        async with aiohttp.ClientSession(cookies=self.cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    await self._follow(session)
                await asyncio.sleep(0.1)

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        last = self.told[-1] if self.told else self.begin
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
        timeout = aiohttp.ClientTimeout(total=None)
        async with session.get(f"{self.url}/events?agent={AGENT}", headers=headers, timeout=timeout) as answer:
            if answer.status == 503:
                return  # core is away
            assert answer.status == 200, await answer.text()
            while (block := (await answer.content.readuntil(b"\n\n")).decode()).endswith("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.strip().splitlines())
                assert fields.get("event") not in ("reset", "signed-out"), block
                async with self.changed:
                    if fields.get("event") == "timeline":
                        self.told.append(int(fields["id"]))
                    self.changed.notify_all()


async def ask(hive: Hive, words: list[str]) -> None:
    """One turn after the other, whatever is killed meanwhile: each is asked for under a key until it is answered."""
    for word in words:
        while not await answered(hive, word):
            await asyncio.sleep(0.05)


async def answered(hive: Hive, word: str) -> bool:
    try:
        async with connect(hive.run_paths.operator_socket) as shell:
            operator = shell.proxy(Operator)
            sent = await operator.send(OperatorSendRequest(to=AGENT, body=f"say {word}", key=word))
            reply = await operator.await_reply(AwaitReplyRequest(id=sent.id, wait_seconds=SECONDS))
    except UnavailableError:
        return False
    assert word in reply.reply.body
    return True


async def kill(hive: Hive, unit: str) -> None:
    pid = await asyncio.to_thread(hive.property, unit, "MainPID")
    await asyncio.to_thread(hive.kill, pid)


async def stored(hive: Hive, after: int, word: str) -> list[int]:
    """The events that change the page of the agent, as core has them once it knows all about the turn for this word.

    Neither the reply nor the agent's state say that: events come on a connection of their own, which after core was
    away may be seconds behind.
    """
    async with connect(hive.run_paths.operator_socket) as shell:
        while True:
            reply = await shell.proxy(Operator).events(EventsRequest(agent=AGENT, after=after, limit=1000))
            assert not reply.more
            if is_told(reply.events, word):
                return [event.id for event in reply.events if patch(event, AGENT)]
            await asyncio.sleep(0.05)


def is_told(events: Sequence[Event], word: str) -> bool:
    """Whether the word was asked for, a turn for it has ended well, and the reply was sent."""
    messages = [event.message for event in events if event.message is not None]
    turns = [event.turn for event in events if event.turn is not None]
    asked = {message.id for message in messages if message.body == f"say {word}"}
    ended = any(turn.outcome is TurnOutcome.OK and asked.intersection(turn.messages) for turn in turns)
    return ended and any(message.in_reply_to in asked for message in messages)


@pytest_asyncio.fixture(loop_scope="session")
async def page(hive: Hive, browser: Browser) -> AsyncIterator[Page]:
    await asyncio.to_thread(hive.command, "spawn", AGENT)
    link = json.loads(hive.command("operator", "invite", "watcher", "--role", "operator", "--json").stdout)["url"]
    try:
        async with context(browser) as tab:
            page = await tab.new_page()
            await follow(link, page)
            yield page
    finally:
        await asyncio.to_thread(hive.command, "destroy", AGENT, "--purge", "--yes")


# Whichever test comes first boots the hive; two of its parts come back within this one.
@pytest.mark.timeout(300)
@pytest.mark.asyncio(loop_scope="session")
async def test_nothing_is_missed_or_doubled_when_the_dashboard_and_core_are_killed(hive: Hive, page: Page) -> None:
    await page.goto(f"{hive.url}/agent/{AGENT}/")
    await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
    await page.evaluate(WATCH_STATES)
    begin = int(await page.locator("#main").get_attribute("data-cursor") or "")
    cookies = {c["name"]: c["value"] for c in await page.context.cookies()}
    follower = Follower(hive.url, cookies, begin)
    words = [f"{n}-{uuid.uuid4().hex}" for n in range(TURNS)]

    async with alongside(follower.run()):
        await ask(hive, words[:2])
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(hive, words[2:7]))
            await kill(hive, "hive-web.service")
            while (await page.evaluate("window.states"))[-1:] != ["live: Live"]:
                await asyncio.sleep(0.1)
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(hive, words[7:-1]))
            await kill(hive, "hive-core.service")
        # A message that core has stored when it is killed may lack its event; not one of after that.
        await ask(hive, words[-1:])
        async with asyncio.timeout(SECONDS):
            expected = await stored(hive, begin, words[-1])
        async with asyncio.timeout(SECONDS), follower.changed:
            await follower.changed.wait_for(lambda: follower.told[-1:] == expected[-1:])
        assert len(expected) >= 3 * TURNS, "what is asked, what the model does, and the reply, at least"
        assert follower.told == expected

    await expect(page.locator(".agent-head .state")).to_have_text("Idle", timeout=SECONDS * 1000)
    for word in words:
        await expect(page.locator("#timeline .message", has_text=word).first).to_be_visible()
    # The page is told in the same order: with these two it has everything.
    await expect(page.locator("#timeline .message", has_text=words[-1])).to_have_count(2)
    await expect(page.locator("#timeline .turn", has_text=words[-1])).to_have_attribute("data-running", "")
    seen = await page.evaluate(KEYS)
    assert len(seen) == len(set(seen))
    states = await page.evaluate("window.states")
    assert "reconnecting: Reconnecting" in states
    assert "core: Core is away" in states
    assert states[-1] == "live: Live"
    await page.reload()
    assert await page.evaluate(KEYS) == seen, "a page that was there all the time is the one that is loaded now"
