"""The dashboard in a real browser: live pages, keyboard, phones, both themes, reading and writing without scripts."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from hive_rpc.commands import AgentCommandKind
from hive_rpc.types import OPERATOR, AgentState, EventKind, Message, Role, ToolCall, ToolResult, TurnOutcome
from hive_web.feed import Pace
from hive_web.places import PLACES
from tests.support import demo_hive
from tests.support.browser import OUTLINE, PHONE, context, screenshot
from tests.support.dashboard import Dashboard, dashboard
from tests.unit.test_web_words import NOW, RELATIVE

QUICK = Pace(refresh_apart=0, refresh_every=60, recheck=60, heartbeat=60, retry=0.05)
LONG = "w" * 31
UNBROKEN = "an-unbroken-word-" * 40


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Dashboard]:
    async with dashboard(tmp_path, pace=QUICK, real_time=True) as running:
        yield running


async def open_page(site: Dashboard, into: BrowserContext, path: str, role: Role = Role.OPERATOR) -> Page:
    """Signed in, loaded, and live where the page is."""
    token = site.core.sign_in("ada", role)
    await into.add_cookies([{"name": site.cookie, "value": token, "url": site.origin}])
    page = await into.new_page()
    await page.goto(site.origin + path)
    if path == "/" or path.endswith("/"):
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
    return page


async def arrive(page: Page, url: str) -> None:
    """At the address, and the page's modules have run: before that nobody hears a key."""
    await expect(page).to_have_url(url)
    await page.wait_for_load_state()


async def test_signing_in_with_the_keyboard_alone(site: Dashboard, browser: Browser) -> None:
    site.core.passwords["ada"] = ("correct horse", Role.ADMIN)
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await tab.new_page()
        await page.goto(site.origin + "/agent/worker/")
        # Chromium gives the focus with a frame of its own, after the page has loaded.
        await expect(page.get_by_label("Name")).to_be_focused()
        await page.keyboard.type("ada")
        await page.keyboard.press("Tab")
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
        await expect(page.get_by_label("Password")).to_be_focused()
        await page.keyboard.type("correct horse")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(site.origin + "/agent/worker/")


async def test_a_one_time_link_signs_in_and_leads_to_the_hive(site: Dashboard, browser: Browser) -> None:
    site.core.invitations["once"] = ("ada", Role.ADMIN)
    async with context(browser) as tab:
        page = await tab.new_page()
        await page.goto(site.origin + "/sign-in/once")
        # Chromium gives the focus with a frame of its own, after the page has loaded.
        await expect(page.get_by_role("button", name="Continue")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(site.origin + "/")
        await page.locator(".account summary").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(site.origin + "/sign-in")
        assert site.core.sessions == {}


async def test_a_change_of_state_is_seen_without_a_reload(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        row = page.locator(".agents > li", has_text="worker")
        await expect(row.locator(".head > span")).to_have_text("Idle")
        await expect(page.locator("#waiting")).to_be_hidden()
        site.core.change("worker", AgentState.FAILED, reason="out of memory")
        await expect(row.locator(".head > span")).to_have_text("Failed")
        await expect(page.locator("#waiting")).to_contain_text("worker has failed")
        await expect(page).to_have_title("(1) meadow")
        assert "attention" in str(await page.locator("link[rel=icon]").get_attribute("href"))
        site.core.change("worker", AgentState.IDLE)
        await expect(page.locator("#waiting")).to_be_hidden()
        await expect(page).to_have_title("meadow")
        assert "attention" not in str(await page.locator("link[rel=icon]").get_attribute("href"))


async def test_agents_come_and_go_and_the_focus_stays(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        box = page.get_by_role("checkbox", name="worker")
        await box.check()
        site.core.agents = {}
        site.core.agent("before")
        site.core.agent("worker", AgentState.PARKED, reason="usage limit")
        site.core.agent("after")
        site.core.change("after", AgentState.STARTING)
        await expect(page.locator(".agents .head > a")).to_have_text(["before", "worker", "after"])
        await expect(box).to_be_focused()
        await expect(box).to_be_checked()
        await expect(page.locator("#selected")).to_have_text("1 selected")
        site.core.agents = {}
        site.core.emit(EventKind.NOTICE, "worker", text="gone")
        await expect(page.get_by_role("link", name="Create the first one")).to_be_visible()


async def test_a_message_is_sent_with_enter_and_appears_once(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        composer = page.get_by_label("Message to worker")
        await composer.focus()
        await page.keyboard.type("two")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("lines")
        await page.keyboard.press("Enter")
        await expect(page.locator(".timeline .message .prose")).to_have_text("two\nlines")
        await expect(composer).to_have_value("")
        await expect(composer).to_be_focused()
        assert [sent.body for sent in site.core.sent] == ["two\nlines"]
        await page.keyboard.press("Enter")  # nothing to send
        await page.keyboard.type("again")
        await page.keyboard.press("Enter")
        await expect(page.locator(".timeline .message")).to_have_count(2)
        assert len({sent.key for sent in site.core.sent}) == 2


async def test_a_long_message_is_not_cut_by_the_browser(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        composer = page.get_by_label("Message to worker")
        await composer.fill("x" * 130_000)
        await composer.press("Enter")
        await expect(composer).to_have_value("")
        assert [len(sent.body) for sent in site.core.sent] == [130_000]
        # What is too long is refused by who has the limit, and stays in the field.
        await composer.fill("x" * 600_000)
        await composer.press("Enter")
        await expect(page.locator("#composer-problem")).to_contain_text("/shared")
        assert len(await composer.input_value()) == 600_000


async def test_a_message_that_could_not_be_sent_is_kept_and_sent_once_later(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        await site.core.stop()
        composer = page.get_by_label("Message to worker")
        await composer.fill("important")
        await composer.press("Enter")
        await expect(page.locator("#composer-problem")).to_be_visible()
        await expect(composer).to_have_value("important")
        await page.reload()
        await expect(page.get_by_role("heading", name="Core is not reachable")).to_be_visible()
        await site.core.start(site.socket)
        # The page tries again by itself, and the draft is still there.
        await expect(page.get_by_label("Message to worker")).to_have_value("important")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        await page.get_by_label("Message to worker").press("Enter")
        await expect(page.locator(".timeline .message .prose")).to_have_text("important")
        assert len(site.core.sent) == 1


async def test_a_turn_streams_in(site: Dashboard, browser: Browser) -> None:
    core = site.core
    core.agent("worker")

    def begin(message: Message) -> None:
        core.change("worker", AgentState.THINKING)
        core.begin_turn("worker", "turn_1", messages=[message.id])

    core.on_send = begin
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        await page.get_by_label("Message to worker").fill("what is 6*7?")
        await page.keyboard.press("Enter")
        turn = page.locator(".turn")
        await expect(turn).to_have_attribute("data-running", "yes")
        await expect(page.locator(".agent-head .state")).to_have_text("Thinking")
        for piece in ("Let me ", "**calc", "ulate**."):
            core.emit_delta("worker", "turn_1", piece)
        await expect(turn.locator(".streaming .prose")).to_have_text("Let me **calculate**.")
        await screenshot(page, "turn-streaming")
        core.emit(EventKind.TEXT, "worker", turn_id="turn_1", text="Let me **calculate**.")
        await expect(turn.locator(".streaming")).to_have_count(0)
        await expect(turn.locator(".prose strong")).to_have_text("calculate")
        call = ToolCall(id="t1", name="Bash", input={"command": "echo $((6*7))"})
        core.emit(EventKind.TOOL_CALL, "worker", turn_id="turn_1", tool_call=call)
        tool = turn.locator(".tool")
        await expect(tool.locator(".tool-summary")).to_have_text("echo $((6*7))")
        await expect(tool.locator("pre.result")).to_be_hidden()
        core.emit(EventKind.TOOL_RESULT, "worker", turn_id="turn_1", tool_result=ToolResult(id="t1", content="42"))
        await tool.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(tool.locator("pre.result")).to_have_text("42")
        core.message("worker", OPERATOR, "It is **42**.", in_reply_to="msg_1")
        running = core.agents["worker"].last_turn
        assert running is not None
        core.end_turn("worker", running, outcome=TurnOutcome.OK, duration_seconds=3.2)
        core.change("worker", AgentState.IDLE)
        await expect(turn.locator(".outcome")).to_have_text("Done")
        await expect(page.locator('.message[data-outgoing="yes"] .prose')).to_have_text("It is 42.")
        await expect(page.locator(".agent-head .state")).to_have_text("Idle")
        await expect(page).to_have_title("worker · Idle · meadow")


async def test_a_page_looks_the_same_loaded_or_updated(site: Dashboard, browser: Browser) -> None:
    site.core.agent("old")
    async with context(browser) as tab:
        hive = await open_page(site, tab, "/")
        site.core.agent("worker")
        agent = await open_page(site, tab, "/agent/worker/")
        demo_hive.populate(site.core)
        del site.core.agents["old"]
        site.core.change("docs", AgentState.PARKED, reason="usage limit")
        await expect(agent.locator(".turn")).to_have_count(2)
        await expect(agent.locator(".tool")).to_have_count(5)
        await expect(hive.locator(".agents > li")).to_have_count(5)
        await expect(hive.locator(".feed > li")).to_have_count(3)
        for page in (hive, agent):
            await expect(page).to_have_title(re.compile(r"^\(6\) "))
            updated = await page.locator("#main").evaluate(OUTLINE)
            await page.reload()
            await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
            assert await page.locator("#main").evaluate(OUTLINE) == updated


async def test_nothing_is_missed_or_doubled_over_a_restart_of_core(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        site.core.message(OPERATOR, "worker", "before")
        await expect(page.locator(".message")).to_have_count(1)
        await site.core.stop()
        await expect(page.locator("#live")).to_have_text("Core is away")
        await expect(page.locator("#trouble")).to_contain_text("Core is not reachable")
        site.core.message(OPERATOR, "worker", "meanwhile")
        await site.core.start(site.socket)
        await expect(page.locator("#live")).to_have_text("Live")
        await expect(page.locator("#trouble")).to_be_hidden()
        site.core.message(OPERATOR, "worker", "after")
        await expect(page.locator(".message .prose")).to_have_text(["before", "meanwhile", "after"])


async def test_nothing_is_missed_or_doubled_over_a_restart_of_the_dashboard(tmp_path: Path, browser: Browser) -> None:
    async with context(browser) as tab:
        async with dashboard(tmp_path, pace=QUICK, real_time=True) as first:
            port = first.client.port
            first.core.agent("worker")
            page = await open_page(first, tab, "/agent/worker/")
            first.core.message(OPERATOR, "worker", "before")
            await expect(page.locator(".message")).to_have_count(1)
        await expect(page.locator("#live")).to_have_text("Reconnecting")
        first.core.message(OPERATOR, "worker", "meanwhile")
        async with dashboard(tmp_path, core=first.core, pace=QUICK, listen_port=port) as second:
            await expect(page.locator("#live")).to_have_text("Live")
            second.core.message(OPERATOR, "worker", "after")
            await expect(page.locator(".message .prose")).to_have_text(["before", "meanwhile", "after"])


async def test_a_page_that_missed_too_much_loads_itself_again(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        site.core.message(OPERATOR, "worker", "old")
        await expect(page.locator(".message")).to_have_count(1)
        await site.core.stop()
        await expect(page.locator("#live")).to_have_text("Core is away")
        site.core.message(OPERATOR, "worker", "forgotten")
        site.core.forget_events()
        site.core.message(OPERATOR, "worker", "kept")
        await site.core.start(site.socket)
        await expect(page.locator(".message .prose")).to_have_text(["kept"])


async def test_the_end_of_a_session_leads_to_signing_in_and_back(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        site.core.sign_out_everybody()
        await expect(page).to_have_url(site.origin + "/sign-in?next=%2Fagent%2Fworker%2F")


async def test_an_agent_that_is_destroyed_says_so(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        site.core.emit(EventKind.NOTICE, "worker", text="last words")
        del site.core.agents["worker"]
        await expect(page.get_by_text("worker is no longer in the hive")).to_be_visible()
        await expect(page.get_by_label("Message to worker")).to_be_hidden()


async def test_stopping_asks_in_a_dialog_that_names_the_agent(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    site.core.agent("docs")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/docs/")
        link = page.get_by_role("link", name="Stop docs")
        await link.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("heading")).to_have_text("Stop docs?")
        await expect(dialog).to_contain_text("Messages wait until it is started again.")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(link).to_be_focused()
        assert site.core.lives == []
        await page.keyboard.press("Enter")
        await dialog.get_by_role("button", name="Stop docs").press("Enter")
        await expect(page.get_by_text("docs is stopping.")).to_be_visible()
        await expect(dialog).to_be_hidden()
        await expect(page.locator(".agent-head .state")).to_have_text("Stopped")
        assert site.core.lives == [("stop", "docs")]
        await expect(page).to_have_url(site.origin + "/agent/docs/")


async def test_several_agents_are_stopped_at_once_and_only_those_that_were_ticked(
    site: Dashboard, browser: Browser
) -> None:
    for name in ("worker", "docs", "spared"):
        site.core.agent(name)
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        await page.get_by_role("checkbox", name="worker").check()
        await page.get_by_role("checkbox", name="docs").check()
        await expect(page.locator("#selected")).to_have_text("2 selected")
        await page.get_by_role("button", name="Stop the selected agents").click()
        await expect(page.get_by_role("heading", name="Stop 2 agents?")).to_be_visible()
        await expect(page.locator(".names > li")).to_have_text(["worker", "docs"])
        assert site.core.lives == []
        await page.get_by_role("button", name="Stop these 2").click()
        await expect(page).to_have_url(site.origin + "/")
        assert sorted(site.core.lives) == [("stop", "docs"), ("stop", "worker")]


async def test_commands_are_completed_and_confirmed(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        await page.get_by_label("Message to worker").focus()
        await page.keyboard.type("/")
        options = page.get_by_role("option")
        await expect(options.filter(visible=True)).to_have_count(10)  # not start: it runs
        await page.keyboard.type("rest")
        await expect(options.filter(visible=True)).to_have_count(1)
        await page.keyboard.press("Enter")
        await page.get_by_role("dialog").get_by_role("button", name="Restart worker").click()
        await expect(page.get_by_text("worker is restarting.")).to_be_visible()
        assert site.core.lives == [("restart", "worker")]
        await page.get_by_label("Message to worker").fill("/nonsense")
        await page.keyboard.press("Enter")
        await expect(page.locator("#composer-problem")).to_contain_text("no such command")
        await page.get_by_label("Message to worker").fill("/mod")
        await page.keyboard.press("Tab")
        await page.keyboard.type("opus")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("worker: model is queued.")).to_be_visible()
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(page.get_by_text("Queued: model")).to_be_visible()
        await page.get_by_label("Message to worker").fill("/cancel")
        await page.keyboard.press("Enter")
        await expect(page.locator("#composer-problem")).to_have_text("worker is in no turn.")
        assert site.core.desk.done == [("command_agent", "worker", AgentCommandKind.MODEL, "opus")]
        assert site.core.sent == []


async def test_the_keyboard_goes_everywhere(site: Dashboard, browser: Browser) -> None:
    for name in ("worker", "docs"):
        site.core.agent(name)
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        await page.keyboard.press("j")
        await expect(page.get_by_role("link", name="worker", exact=True)).to_be_focused()
        await page.keyboard.press("j")
        await expect(page.get_by_role("link", name="docs", exact=True)).to_be_focused()
        await page.keyboard.press("x")
        await expect(page.get_by_role("checkbox", name="docs")).to_be_checked()
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await arrive(page, site.origin + "/agent/worker/")
        await page.keyboard.press("c")
        await expect(page.get_by_label("Message to worker")).to_be_focused()
        await page.keyboard.type("g q?/")
        await expect(page.get_by_label("Message to worker")).to_have_value("g q?/")
        await page.get_by_label("Message to worker").blur()
        await page.keyboard.press("g")
        await page.keyboard.press("q")
        await arrive(page, site.origin + "/questions")
        await page.keyboard.press("?")
        await arrive(page, site.origin + "/help")
        await expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
        await page.keyboard.press("/")
        await expect(page.get_by_label("Search messages")).to_be_focused()
        await page.go_back()
        await expect(page).to_have_url(site.origin + "/help")


async def test_a_list_that_changed_loads_itself_again_but_not_under_ones_hands(
    site: Dashboard, browser: Browser
) -> None:
    async with context(browser) as tab:
        page = await open_page(site, tab, "/questions")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        demo_hive.populate(site.core)
        await expect(page.locator(".question")).to_have_count(2)
        await expect(page.locator(".places .count").first).to_have_text("2")
        await page.locator("textarea").last.fill("half an answer")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        site.core.desk.questions.pop()
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(page.locator("#trouble")).to_contain_text("There is news")
        await expect(page.locator("textarea").last).to_have_value("half an answer")


async def test_a_page_that_has_news_does_not_hold_back_who_is_leaving_it(site: Dashboard, browser: Browser) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    async with context(browser) as tab:
        page = await open_page(site, tab, "/questions")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        other = await open_page(site, tab, "/questions")
        await expect(other.locator("#live")).to_have_attribute("data-connection", "live")
        await page.route("**/help", slowly)
        await page.get_by_role("link", name="Help").click(no_wait_after=True)
        await asked.wait()
        demo_hive.populate(site.core)
        # It is told as this one is.
        await expect(other.locator(".question")).to_have_count(2)
        go_on.set()
        await expect(page).to_have_url(site.origin + "/help")


async def test_an_agent_is_created_from_the_form(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        await page.get_by_role("link", name="New agent").click()
        await page.get_by_label("Name").fill("fresh")
        await page.get_by_role("button", name="Create agent").click()
        await expect(page).to_have_url(site.origin + "/agent/fresh/")
        await expect(page.locator(".agent-head .state")).to_have_text("Idle")


async def test_a_viewer_finds_no_way_to_change_anything(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/", Role.VIEWER)
        site.core.agent("fresh")
        site.core.change("fresh", AgentState.IDLE)
        await expect(page.locator(".agents > li")).to_have_count(2)
        await expect(page.locator("[data-confirm], [type=checkbox], [href='/spawn']")).to_have_count(0)
        await page.goto(site.origin + "/agent/worker/")
        await expect(page.get_by_text("To write, you need the role operator.")).to_be_visible()
        await expect(page.locator("textarea, [data-confirm]")).to_have_count(0)


async def test_hostile_text_does_nothing_in_a_live_page(site: Dashboard, browser: Browser) -> None:
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>[x](javascript:alert(3))\u202e\x1b[31m"
    core = site.core
    core.agent("worker")
    async with context(browser) as tab:
        hive = await open_page(site, tab, "/")
        page = await open_page(site, tab, "/agent/worker/")
        core.emit_delta("worker", "t", hostile)
        await expect(page.locator(".streaming")).to_contain_text("<img src=x")
        core.emit(EventKind.TEXT, "worker", turn_id="t", text=hostile)
        call = ToolCall(id=hostile, name=hostile, input={"command": hostile})
        core.emit(EventKind.TOOL_CALL, "worker", turn_id="t", tool_call=call)
        core.emit(EventKind.TOOL_RESULT, "worker", turn_id="t", tool_result=ToolResult(id=hostile, content=hostile))
        core.message("worker", OPERATOR, hostile)
        core.change("worker", AgentState.FAILED, reason=hostile)
        await expect(page.locator(".message .prose")).to_contain_text("<script>alert(2)</script>")
        await expect(hive.locator("#waiting")).to_contain_text("onerror=alert(1)")
        for shown in (hive, page):
            assert await shown.locator("#main img, #main script, #main a[href^=javascript]").count() == 0
            assert not {"\u202e", "\x1b"} & set(await shown.locator("#main").inner_text())


async def test_script_cannot_turn_text_into_markup(site: Dashboard, browser: Browser) -> None:
    page = await browser.new_page()  # its console will say what was refused
    await page.goto(site.origin + "/sign-in")
    refused = await page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return '' } catch (error) { return error.message } }"
    )
    assert "TrustedHTML" in refused
    await page.close()


async def test_the_theme_follows_the_system_until_one_is_chosen(site: Dashboard, browser: Browser) -> None:
    def lightness(color: str) -> int:
        return int(color.split("(")[1].split(",")[0])

    ground = "getComputedStyle(document.body).backgroundColor"
    async with context(browser, color_scheme="dark") as tab:
        page = await open_page(site, tab, "/")
        button = page.get_by_role("button", name="Theme")
        assert lightness(await page.evaluate(ground)) < 50
        await page.emulate_media(color_scheme="light")
        assert lightness(await page.evaluate(ground)) > 200
        await button.click()
        await button.click()
        await expect(button).to_have_accessible_name("Theme: dark")
        assert lightness(await page.evaluate(ground)) < 50
        await page.reload()
        assert lightness(await page.evaluate(ground)) < 50  # it is remembered
        await button.click()
        assert lightness(await page.evaluate(ground)) > 200


async def test_relative_times_are_the_same_on_both_sides(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        asset = (await page.locator("script[type=module]").get_attribute("src") or "").replace("hive.js", "times.js")
        words = await page.evaluate(
            """async ([asset, now, seconds]) => {
              const { relative } = await import(asset);
              return seconds.map((s) => relative(new Date(now - s * 1000), new Date(now)));
            }""",
            [asset, NOW.timestamp() * 1000, [seconds for seconds, _ in RELATIVE]],
        )
        assert words == [words for _, words in RELATIVE]


async def test_the_keyboard_reaches_everything(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to content")).to_be_focused()
        await expect(page.get_by_text("Skip to content")).to_be_in_viewport()
        for name in ("meadow", "Theme", "Account of ada"):
            await page.keyboard.press("Tab")
            focused = page.locator(":focus")
            await expect(focused).to_have_accessible_name(re.compile(f"^{name}"))
            outline = await focused.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline == "solid", name
        for _ in PLACES:
            await page.keyboard.press("Tab")
        for name in ("Stop everything", "New agent", "Start", "Stop", "Restart", "worker", "worker"):
            await page.keyboard.press("Tab")
            await expect(page.locator(":focus")).to_have_accessible_name(re.compile(f"^{name}"))
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(site.origin + "/agent/worker/")


async def test_without_scripts_one_can_read_write_and_act(site: Dashboard, browser: Browser) -> None:
    site.core.agent("worker")
    site.core.message("worker", OPERATOR, "Some **bold** words.")
    async with context(browser, java_script_enabled=False) as tab:
        token = site.core.sign_in("ada", Role.OPERATOR)
        await tab.add_cookies([{"name": site.cookie, "value": token, "url": site.origin}])
        page = await tab.new_page()
        await page.goto(site.origin)
        await page.get_by_role("link", name="worker", exact=True).first.click()
        await expect(page.locator(".prose strong")).to_have_text("bold")
        await page.get_by_label("Message to worker").fill("hello")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".message .prose").last).to_have_text("hello")
        await page.get_by_role("link", name="Stop worker").click()
        await page.get_by_role("button", name="Stop worker").click()
        assert site.core.lives == [("stop", "worker")]
        await expect(page.locator(".agent-head .state")).to_have_text("Stopped")


async def test_a_link_on_another_site_opens_the_page_for_whoever_is_signed_in(
    site: Dashboard, browser: Browser
) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(text=f"<a href='{site.origin}/agent/worker/'>go</a>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    site.core.agent("worker")
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        await page.goto(f"http://localhost:{port}/")  # another site than 127.0.0.1
        await page.get_by_text("go").click()
        await expect(page).to_have_title("worker · Idle · meadow")
    await runner.cleanup()


def arrange_long_words(site: Dashboard) -> None:
    core = site.core
    core.agent(LONG, AgentState.FAILED, reason=UNBROKEN, model=UNBROKEN, machine="h-worker", unread=999)
    core.message(LONG, OPERATOR, f"{UNBROKEN}\n\n```\n{UNBROKEN}\n```\n\nhttps://a.example/{UNBROKEN}")
    turn = core.begin_turn(LONG, "t")
    core.emit(EventKind.TEXT, LONG, turn_id="t", text=UNBROKEN)
    call = ToolCall(id="c", name=UNBROKEN, input={"command": UNBROKEN})
    core.emit(EventKind.TOOL_CALL, LONG, turn_id="t", tool_call=call)
    core.emit(EventKind.TOOL_RESULT, LONG, turn_id="t", tool_result=ToolResult(id="c", content=UNBROKEN))
    core.end_turn(LONG, turn, outcome=TurnOutcome.CRASHED, error=UNBROKEN, model=UNBROKEN)
    core.change(LONG, AgentState.FAILED, reason=UNBROKEN)


PAGES = [
    "/",
    "/agent/worker/",
    "/agent/worker/inbox",
    "/agent/worker/stats",
    "/agent/worker/stats?span=7d",
    "/agent/worker/files/",
    "/agent/worker/files/state",
    "/agent/worker/files/state/notes.md",
    "/agent/worker/log",
    "/agent/worker/config",
    f"/agent/worker/config/diff?old={'1a' * 20}&new={'9b' * 20}",
    "/agent/worker/config/edit",
    "/agent/worker/egress",
    "/agent/worker/decisions",
    "/agent/worker/stop",
    "/agent/worker/destroy",
    "/agents?verb=stop&agent=worker&agent=docs",
    "/messages",
    "/messages?q=report",
    "/messages/msg_2",
    "/questions",
    "/approvals",
    "/approvals/apr_1",
    "/jobs",
    "/jobs/job_1",
    "/restart-all",
    "/spending",
    "/stop-all",
    "/accounts",
    "/egress",
    "/inputs",
    "/tombstones",
    "/tombstones/scout/revive",
    "/dead-letters",
    "/reminders",
    "/system",
    "/audit",
    "/operators",
    "/help",
    "/spawn",
    "/sign-in",
    "/nothing",
]


async def test_on_a_narrow_page_no_name_in_the_audit_log_is_broken(site: Dashboard, browser: Browser) -> None:
    demo_hive.populate(site.core)
    row = site.core.desk.audit[0]
    long = {"details": {"reason": "many words, " * 10 + "x" * 150}}
    site.core.desk.audit[:] = [row.model_copy(update={"who": "manager", "target": "researcher-of-things"} | long)]
    lines = (
        "cell => { const r = document.createRange(); r.selectNodeContents(cell); return r.getClientRects().length; }"
    )
    async with context(browser, viewport={"width": 360, "height": 800}) as tab:
        page = await open_page(site, tab, "/audit", Role.ADMIN)
        cell = page.locator("tbody td")
        assert await cell.filter(has_text=re.compile("^manager$")).evaluate(lines) == 1
        # A hyphen is a place to break at, letters are not.
        assert await cell.filter(has_text="researcher-of-things").evaluate(lines) <= 3
        assert await cell.last.evaluate(lines) > 3
        assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_who_wants_no_motion_gets_none(site: Dashboard, browser: Browser) -> None:
    demo_hive.populate(site.core)
    moving = "document.getAnimations().length"
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/")
        assert await page.evaluate(moving) > 0
        await page.emulate_media(reduced_motion="reduce")
        assert await page.evaluate(moving) == 0


@pytest.mark.parametrize(("device", "theme"), [("desktop", "light"), ("phone", "dark")])
async def test_pictures_to_look_at(site: Dashboard, browser: Browser, theme: Any, device: str) -> None:
    demo_hive.populate(site.core)
    options: dict[str, Any] = {} if device == "desktop" else {"viewport": PHONE, "device_scale_factor": 2}
    async with context(browser, color_scheme=theme, reduced_motion="reduce", **options) as tab:
        page = await tab.new_page()
        await page.goto(site.origin + "/sign-in")
        await screenshot(page, f"sign-in-{device}-{theme}")
        page = await open_page(site, tab, "/", Role.ADMIN)
        for path in PAGES:
            await page.goto(site.origin + path)
            if path == "/agent/worker/":
                await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
            name = re.sub(r"[^a-z0-9]+", "-", path).strip("-") or "hive"
            await screenshot(page, f"{name}-{device}-{theme}", full_page=path != "/agent/worker/")
        site.core.hive = site.core.hive.model_copy(update={"stand_in": True})
        await page.goto(site.origin + "/")
        await expect(page.get_by_text("Stand-in model.")).to_be_visible()
        await screenshot(page, f"stand-in-{device}-{theme}")
