"""What agents say is text on every page: no element, no attribute, no address and no script comes from it."""

import dataclasses
import json
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from hive_rpc.interfaces.operator.files import FileEntry, FileKind
from hive_rpc.types import OPERATOR, AgentState, EventKind, Role, ToolCall
from hive_web.feed import Pace
from tests.integration.test_web_desk import PAGES
from tests.support import demo_hive
from tests.support.browser import context
from tests.support.dashboard import Dashboard, dashboard
from tests.support.fake_core import FakeCore
from tests.support.hostile import ALL, CONTROLS, HOSTILE, LONG, poisoned

EVERY = ("/", "/agent/worker/", "/agent/worker/restart", "/agent/worker/stop", "/spawn", "/nothing", *PAGES)
KEPT = frozenset({"id", "agent", "addressee", "sha"})
"""By which the pages below are found; another agent and other messages have them hostile too."""
TARGETS = {"href", "src", "action", "formaction", "data", "poster", "xlink:href", "srcset"}
FOUND = """
() => Array.from(document.querySelectorAll("*")).flatMap((element) => {
  const bad = Array.from(element.attributes)
    .filter(({ name, value }) =>
      name.startsWith("on") || name.includes("pwned") || /^\\s*(javascript|data):/i.test(value))
    .map(({ name, value }) => `${element.localName} ${name}=${value.slice(0, 80)}`);
  return element.localName.includes("pwned") ? [...bad, element.localName] : bad;
}).concat(window.pwned === undefined ? [] : [`window.pwned is ${window.pwned}`])
"""


def poison(core: FakeCore, text: str) -> None:
    """A hive at work in which every string is this text, and every one of its events once more with it."""
    demo_hive.populate(core)
    core.hive = poisoned(core.hive, text)
    core.holds = poisoned(core.holds, text)
    core.agents = {name: poisoned(agent, text, frozenset({"name"})) for name, agent in core.agents.items()}
    core.agent(text, AgentState.NEEDS_LOGIN, reason=text, note=text)
    core.messages += [
        poisoned(message, text).model_copy(update={"id": f"msg_9{n}", "recipient": "worker"})
        for n, message in enumerate(core.messages)
    ]
    core.messages = [poisoned(message, text, KEPT | {"sender", "recipient"}) for message in core.messages]
    tell(core, text)
    for field in dataclasses.fields(core.desk):
        if field.name not in ("done", "files", "gateway"):
            setattr(core.desk, field.name, poisoned(getattr(core.desk, field.name), text, KEPT))
    core.desk.diff = f"diff --git a/x b/x\n--- {text}\n+++ {text}\n@@ -1 +1 @@\n-{text}\n+{text}"
    core.desk.warnings = [text]
    # Core keeps none that is no TOML.
    core.desk.config = f"egress = [{json.dumps(text).replace(chr(0x7F), '')}]"
    core.desk.entries = [FileEntry(name=text, kind=FileKind.LINK, readable=False)]
    core.desk.files |= {f"state/{text}": text.encode(), "state/notes.md": text.encode()}


def tell(core: FakeCore, text: str) -> None:
    """One event of each kind, and a call of each tool, happens again, poisoned; the tools with their real names too."""
    kinds = {(e.kind, e.tool_call and e.tool_call.name): e for e in core.events if e.agent == "worker"}
    for event in list(kinds.values()):
        for kept in (frozenset[str](), frozenset({"name"})):
            said = poisoned(event, text, kept)
            values = {name: getattr(said, name) for name in ("text", "message", "turn", "turn_id", "state")}
            tools = {name: getattr(said, name) for name in ("tool_call", "tool_result")}
            core.emit(event.kind, "worker", **values, **tools)


class Parsed(HTMLParser):
    """Every element with the names of its attributes, and every address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.targets: set[str] = set()
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        self.targets |= {value or "" for name, value in attrs if name in TARGETS}
        # What a form sends back is as it was said, and nobody reads it.
        self.said += "".join(value or "" for name, value in attrs if (tag, name) != ("input", "value"))

    def handle_data(self, data: str) -> None:
        self.said += data


def ours(target: str) -> bool:
    """On the dashboard, or elsewhere on the web; never a program."""
    there = urlsplit(target)
    return (there.scheme in ("http", "https") and bool(there.netloc)) or (not there.scheme and not there.netloc)


async def everything(site: Dashboard) -> dict[str, str]:
    found = {}
    for path in EVERY:
        answer = await site.get(path)
        assert answer.status == (404 if path == "/nothing" else 200), path
        assert "Set-Cookie" not in answer.headers, path
        found[path] = await answer.text()
    return found


async def test_nothing_of_a_page_comes_from_what_is_said(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        demo_hive.populate(site.core)
        site.sign_in(Role.ADMIN)
        known = set[str]().union(*(Parsed(page).names for page in (await everything(site)).values()))
        poison(site.core, ALL)
        for path, page in (await everything(site)).items():
            parsed = Parsed(page)
            assert parsed.names - known == set(), path
            assert [target for target in parsed.targets if not ours(target)] == [], path
            assert not set(parsed.said) & CONTROLS, path
            assert "60481729" not in page, path


async def test_what_is_too_long_is_cut_on_every_page(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        demo_hive.populate(site.core)
        site.sign_in(Role.ADMIN)
        core, desk = site.core, site.core.desk
        core.message("worker", OPERATOR, LONG)
        call = ToolCall(id="long", name=LONG[:1000], input={"command": LONG})
        core.emit(EventKind.TOOL_CALL, "worker", turn_id="turn_2", tool_call=call)
        core.emit(EventKind.TEXT, "worker", turn_id="turn_2", text=LONG)
        desk.questions[0] = desk.questions[0].model_copy(update={"question": LONG})
        desk.reminders[0] = desk.reminders[0].model_copy(update={"message": LONG})
        desk.log[0] = desk.log[0].model_copy(update={"text": LONG})
        for path, page in (await everything(site)).items():
            assert len(page) < 5 * len(LONG), path
            assert "<b>xxx" not in page, path


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[BrowserContext]:
    async with context(browser) as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="session")
async def test_nothing_runs_in_a_browser_and_nothing_is_made_of_it(tmp_path: Path, tab: BrowserContext) -> None:
    pace = Pace(refresh_apart=0, refresh_every=60, recheck=60, heartbeat=60, retry=0.05)
    async with dashboard(tmp_path, pace=pace, real_time=True) as site:
        poison(site.core, ALL)
        token = site.core.sign_in("ada", Role.ADMIN)
        await tab.add_cookies([{"name": site.cookie, "value": token, "url": site.origin}])
        page = await tab.new_page()
        for path in EVERY:
            await page.goto(site.origin + path)
            assert await page.evaluate(FOUND) == [], path
        # What comes while a page is open is drawn by its scripts.
        for path in ("/agent/worker/", "/"):
            await page.goto(site.origin + path)
            await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
            tell(site.core, f"and now{path}{ALL}")
            site.core.change("worker", AgentState.FAILED, reason=f"and now{path}{ALL}")
            await expect(page.locator("main li", has_text=f"and now{path}").first).to_be_visible()
            assert await page.evaluate(FOUND) == [], path


@pytest.mark.asyncio(loop_scope="session")
async def test_a_page_that_did_not_escape_it_would_run_it(tab: BrowserContext) -> None:
    page = await tab.new_page()
    await page.set_content("\n".join(HOSTILE[:3]))
    await page.wait_for_function("window.pwned !== undefined")
    assert len(await page.evaluate(FOUND)) > 3
