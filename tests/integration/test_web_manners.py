"""Expected of every page, in a real browser: nothing jumps, the focus stays, what waits is told, scripts are spare."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from hive_rpc.configuration import ApprovalState, JobState
from hive_rpc.types import AgentState, EventKind, Role
from tests.integration.test_web_browser import PAGES, QUICK, open_page
from tests.support import demo_hive
from tests.support.browser import DESKTOP, PHONE, context
from tests.support.dashboard import Dashboard, dashboard
from tests.support.fake_desk import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries()) {
    window.shifts.push([value, ...sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 120))]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
"""Every shift of what is seen (Layout Instability API), also those after a click or a key."""
SEEN = 0.005
"""Of a whole page's area times its way; below it is what a browser paints of a row that it has half read."""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
READ_BY_TAG = """
async ([head, ...tags]) => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  document.open();
  document.write(head);
  while (!document.body) await painted();
  for (const tag of tags) {
    document.write(tag);
    await painted();
  }
  document.close();
}
"""
"""Read a page as it comes where everything is slow: painted after each of its tags."""
RECORD_NOTIFICATIONS = """
window.notified = [];
window.Notification = class {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor(title, { body, tag }) { window.notified.push([title, body, tag]); }
};
"""


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Dashboard]:
    async with dashboard(tmp_path, pace=QUICK, real_time=True) as running:
        demo_hive.populate(running.core)
        yield running


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
async def test_nothing_jumps_while_a_page_loads_and_comes_alive(
    site: Dashboard, browser: Browser, viewport: Any
) -> None:
    async with context(browser, viewport=viewport) as tab:
        await tab.add_init_script(WATCH_SHIFTS)
        page = await open_page(site, tab, "/", Role.ADMIN)
        jumped = {}
        for path in PAGES:
            await page.goto(site.origin + path)
            if await page.locator("#live").count():
                await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
            await page.evaluate(PAINTED)
            shifts = await page.evaluate("window.shifts")
            if sum(value for value, *_ in shifts) > SEEN:
                jumped[path] = shifts
        assert jumped == {}
        await page.evaluate("document.querySelector('main').style.marginTop = '50px'")
        await page.evaluate(PAINTED)
        assert await page.evaluate("window.shifts"), "control: a jump is seen"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/wrong", "/nothing"])
async def test_what_is_read_of_a_page_without_a_frame_stays_where_it_is(
    site: Dashboard, browser: Browser, viewport: Any, path: str
) -> None:
    # Our policy lets no script write markup.
    async with context(browser, viewport=viewport, bypass_csp=True) as tab:
        await tab.add_init_script(WATCH_SHIFTS)
        page = await open_page(site, tab, path)
        head, body, rest = (await (await tab.request.get(site.origin + path)).text()).partition("<body>")
        await page.evaluate(READ_BY_TAG, [head + body, *re.findall("[^>]*>", rest)])
        await page.evaluate(PAINTED)
        assert await page.locator(".panel h1").count() == 1, "control: it is read"
        assert await page.evaluate("window.shifts") == []


async def test_who_reads_further_up_is_not_moved_by_what_is_written_below(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        await tab.add_init_script(WATCH_SHIFTS)
        page = await open_page(site, tab, "/agent/worker/", Role.OPERATOR)
        await page.evaluate("scrollTo(0, 0)")
        await page.evaluate(PAINTED)
        before = len(await page.evaluate("window.shifts"))
        for piece in ("A text ", "that is ", "written ", "meanwhile."):
            site.core.emit_delta("worker", "turn_3", piece)
        await expect(page.locator(".streaming")).to_contain_text("meanwhile.")
        await expect(page.locator("#jump")).to_be_visible()
        await page.evaluate(PAINTED)
        assert (await page.evaluate("window.shifts"))[before:] == []
        assert await page.evaluate("scrollY") == 0


async def test_a_desktop_notification_says_what_has_begun_to_wait_and_only_where_asked_for(
    site: Dashboard, browser: Browser
) -> None:
    core = site.core
    async with context(browser) as tab:
        await tab.add_init_script(RECORD_NOTIFICATIONS)
        # A page that nobody looks at: headless browsers show every one.
        await tab.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away ?? true })")
        page = await open_page(site, tab, "/")
        core.change("worker", AgentState.FAILED, reason="out of memory")
        await expect(page).to_have_title("(7) meadow")
        assert await page.evaluate("window.notified") == [], "nobody has asked for any"
        await page.locator(".account summary").click()
        await page.get_by_role("button", name="Notify me on this device").click()
        await expect(page.get_by_role("button", name="Do not notify me here")).to_be_visible()
        core.change("night-shift", AgentState.NEEDS_LOGIN, reason="no token")
        await expect(page).to_have_title("(8) meadow")
        told = ["8 things wait for you · meadow", "night-shift needs a login", "hive-waiting"]
        assert await page.evaluate("window.notified") == [told]
        core.change("night-shift", AgentState.IDLE)  # fewer: nothing to tell
        await expect(page).to_have_title("(7) meadow")
        await page.evaluate("window.away = false")
        core.change("night-shift", AgentState.NEEDS_LOGIN, reason="no token")
        await expect(page).to_have_title("(8) meadow")
        assert await page.evaluate("window.notified") == [told], "who looks at the page sees it"


async def look_away(page: Page, away: bool = True) -> None:
    """Headless browsers show every page."""
    await page.evaluate("away => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }", away)


async def test_pages_that_nobody_sees_leave_the_connections_to_those_that_are_seen(
    site: Dashboard, browser: Browser
) -> None:
    """A browser has six connections to a host."""
    core = site.core
    async with context(browser) as tab:
        await tab.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away ?? false })")
        pages = []
        for number in range(8):
            pages.append(await open_page(site, tab, "/" if number % 2 else "/agent/worker/"))
            await expect(pages[-1].locator("#live")).to_have_attribute("data-connection", "live")
            await look_away(pages[-1])
        seen = await open_page(site, tab, "/")
        await expect(seen.locator("#live")).to_have_attribute("data-connection", "live")
        # The first one keeps its own, for all of them.
        for page in pages[1:]:
            await expect(page.locator("#live")).to_have_attribute("data-connection", "none")
        await expect(pages[0].locator("#live")).to_have_attribute("data-connection", "live")
        await seen.close()
        core.change("docs", AgentState.FAILED, reason="out of memory")
        core.emit(EventKind.NOTICE, "worker", text="Something happened meanwhile.")
        for page in pages:
            await expect(page).to_have_title(re.compile(r"^\(7\) "))
        news = pages[2].get_by_text("Something happened meanwhile.")
        await expect(news).to_have_count(0)
        await look_away(pages[2], away=False)
        await expect(news).to_be_visible()
        await expect(pages[2].locator("#live")).to_have_attribute("data-connection", "live")
        await pages[0].close()
        # Another one takes its place.
        core.change("worker", AgentState.FAILED, reason="out of memory")
        await look_away(pages[2])
        await expect(pages[2].locator("#live")).to_have_attribute("data-connection", "none")
        for page in pages[1:]:
            await expect(page).to_have_title(re.compile(r"^\(8\) "))


async def test_the_focus_outlives_a_page_that_loads_itself_again(site: Dashboard, browser: Browser) -> None:
    core = site.core
    async with context(browser) as tab:
        page = await open_page(site, tab, "/jobs")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        link = page.get_by_role("link", name="night-shift is created")
        await link.focus()
        core.desk.jobs = [
            job.model_copy(update={"state": JobState.DONE, "ended_at": core.clock.now()}) for job in core.desk.jobs
        ]
        core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(page.get_by_text("No job runs")).to_be_visible()
        await expect(link).to_be_focused()


async def test_an_approval_s_page_follows_what_becomes_of_it(site: Dashboard, browser: Browser) -> None:
    desk = site.core.desk
    async with context(browser) as tab:
        page = await open_page(site, tab, "/approvals/apr_1")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        for state in (ApprovalState.RUNNING, ApprovalState.DEPLOYED):
            desk.approvals[0] = desk.approvals[0].model_copy(update={"state": state})
            site.core.emit(EventKind.NOTICE, "worker", text="x")
            await expect(page.locator("h1 .state-tag")).to_have_text(state.value)
            await expect(page.locator("#live")).to_have_attribute("data-connection", "live")


async def test_what_is_said_is_shown_anew_but_not_under_a_reader(site: Dashboard, browser: Browser) -> None:
    async with context(browser, viewport=PHONE) as tab:
        page = await open_page(site, tab, "/messages")
        reader = await open_page(site, tab, "/messages")
        for each in (page, reader):
            await expect(each.locator("#live")).to_have_attribute("data-connection", "live")
        await reader.evaluate("document.querySelector('main').style.minHeight = '2000px'; scrollTo(0, 300)")
        site.core.message("worker", "docs", "The newest of all.")
        await expect(page.get_by_text("The newest of all.")).to_be_visible(timeout=30_000)
        await expect(reader.locator("#trouble")).to_contain_text("There is news", timeout=30_000)
        await expect(reader.get_by_text("The newest of all.")).to_have_count(0)


async def test_what_somebody_has_opened_is_not_closed_by_news(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        page = await open_page(site, tab, "/agent/worker/stats")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        await page.get_by_text("The same as a table").click()
        worker = site.core.agents["worker"]
        assert worker.last_turn is not None
        turn = worker.last_turn.model_copy(update={"id": "turn_new"})
        site.core.agents["worker"] = worker.model_copy(update={"last_turn": turn})
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(page.locator("#trouble")).to_contain_text("There is news", timeout=30_000)
        await expect(page.locator("details.table")).to_have_attribute("open", "")


async def test_every_page_of_an_agent_says_what_state_it_is_in(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        for path in ("inbox", "stats", "files/", "config"):
            page = await open_page(site, tab, f"/agent/docs/{path}")
            await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
            for state in (AgentState.PAUSED, AgentState.IDLE):
                site.core.change("docs", state)
                await expect(page.locator(".agent-head .state")).to_have_text(state.value.capitalize())
            await page.close()


async def test_what_is_spent_is_shown_anew_now_and_then(site: Dashboard, browser: Browser) -> None:
    desk = site.core.desk
    assert desk.spending is not None
    async with context(browser) as tab:
        page = await open_page(site, tab, "/spending")
        await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        await expect(page.get_by_text("$7.77")).to_have_count(0)
        first = desk.spending.spending[0]
        spent = [first.model_copy(update={"day_usd": 7.77}), *desk.spending.spending[1:]]
        desk.spending = desk.spending.model_copy(update={"spending": spent})
        desk.today = [desk.today[0].model_copy(update={"cost_usd": 7.77}), *desk.today[1:]]
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(page.get_by_text("$7.77")).not_to_have_count(0, timeout=30_000)


async def test_a_page_says_that_it_is_live_where_it_is(site: Dashboard, browser: Browser) -> None:
    desk = site.core.desk
    async with context(browser) as tab:
        for path, live in (
            ("/audit", True),
            ("/agent/docs/inbox", True),
            ("/system", False),
            ("/agent/docs/log", False),
        ):
            page = await open_page(site, tab, path)
            await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
            await expect(page.locator("#live")).to_be_visible(visible=live)
            await page.close()
        page = await open_page(site, tab, "/audit")
        row = desk.audit[0].model_copy(update={"id": 10, "target": "gardener"})
        desk.audit = [row, *desk.audit]
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(page.get_by_role("cell", name="gardener")).to_be_visible(timeout=30_000)


async def test_that_everything_is_stopped_comes_to_open_pages_by_itself(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        front = await open_page(site, tab, "/")
        other = await open_page(site, tab, "/agent/worker/")
        await front.get_by_role("link", name="Stop everything…").click()
        await expect(front.get_by_role("heading", name="Stop everything?")).to_be_visible()
        await front.get_by_label("Why").fill("a leaked key")
        await front.get_by_role("button", name="Stop everything").click()
        await expect(front).to_have_url(site.origin + "/")
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(front.locator("#stopped")).to_contain_text("a leaked key")
        await expect(front.get_by_role("link", name="Stop everything…")).to_be_hidden()
        await expect(front.locator("#health")).to_have_text("Everything is stopped")
        await expect(other.locator("#stopped")).to_contain_text("a leaked key")
        await other.get_by_role("button", name="Let everything go on").click()
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        await expect(front.locator("#stopped")).to_be_hidden()
        await expect(front.get_by_role("link", name="Stop everything…")).to_be_visible()


async def test_each_place_of_the_navigation_has_its_key(site: Dashboard, browser: Browser) -> None:
    async with context(browser) as tab:
        page = await open_page(site, tab, "/")
        for key, path in (("k", "/accounts"), ("b", "/spending"), ("e", "/egress"), ("j", "/jobs"), ("a", "/")):
            await page.keyboard.press("g")
            await page.keyboard.press(key)
            await expect(page).to_have_url(site.origin + path)
            await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
        await page.go_back()
        await expect(page).to_have_url(site.origin + "/jobs")


async def test_accounts_are_managed_in_the_browser(site: Dashboard, browser: Browser) -> None:
    desk = site.core.desk
    async with context(browser) as tab:
        page = await open_page(site, tab, "/accounts", Role.ADMIN)
        await page.get_by_text("Add an account").click()
        form = page.locator("#add form")
        await form.get_by_label("Name").fill("spare")
        await form.get_by_label("Key or token").fill("sk-secret")
        await expect(form.get_by_label("Key or token")).to_have_attribute("type", "password")
        await form.get_by_label("Your password").fill("wrong")
        await form.get_by_role("button", name="Store the account").click()
        await expect(form.get_by_role("alert")).to_have_text("The password is wrong.")
        await expect(form.get_by_label("Name")).to_have_value("spare")
        await expect(form.get_by_label("Key or token")).to_have_value("")
        await form.get_by_label("Key or token").fill("sk-secret")
        await form.get_by_label("Your password").fill(PASSWORD)
        await form.get_by_role("button", name="Store the account").click()
        await expect(page).to_have_url(site.origin + "/accounts")
        card = page.locator("#account-default")
        await card.get_by_text("Change").click()
        await card.locator("form[action='/accounts/login']").get_by_label("Your password").fill(PASSWORD)
        await card.get_by_role("button", name="Begin a login").click()
        await expect(page.get_by_role("link", name="Open the address")).to_be_visible()
        await page.get_by_label("The code that it shows").fill("code#state")
        await page.get_by_label("Your password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await expect(page).to_have_url(site.origin + "/accounts")
        assert [done[0] for done in desk.done] == ["add_account", "begin_login", "finish_login"]


async def test_caps_are_raised_and_jobs_called_off_in_the_browser(site: Dashboard, browser: Browser) -> None:
    async with context(browser, viewport=PHONE) as tab:
        page = await open_page(site, tab, "/", Role.OPERATOR)
        await page.get_by_role("link", name="Raise it").click()
        docs = page.locator("#spending-agent-docs")
        await expect(docs).to_contain_text("$0.44 of the $0.40")
        await docs.get_by_label("Dollars").fill("2")
        await docs.get_by_role("button", name="Raise for today").click()
        await expect(page).to_have_url(site.origin + "/spending")
        await page.goto(site.origin + "/jobs")
        await page.get_by_role("link", name="worker is restarted").click()
        await expect(page.locator(".progress > [aria-current=step]")).to_contain_text("Wait for its turn")
        await page.get_by_role("button", name="Call it off").click()
        await expect(page.locator("h1 .state-tag")).to_have_text("cancelled")
        assert [done[0] for done in site.core.desk.done] == ["raise_cap", "cancel_job"]


@pytest.mark.parametrize(("button", "method"), [("Approve", "approve"), ("Deny", "deny")])
async def test_without_scripts_one_can_read_approve_and_deny(
    site: Dashboard, browser: Browser, button: str, method: str
) -> None:
    async with context(browser, java_script_enabled=False) as tab:
        token = site.core.sign_in("ada", Role.OPERATOR)
        await tab.add_cookies([{"name": site.cookie, "value": token, "url": site.origin}])
        page = await tab.new_page()
        await page.goto(site.origin)
        item = page.locator("#waiting li", has_text="worker is to get another configuration")
        await item.get_by_role("link", name="Review").click()
        await expect(page.locator(".diff")).to_contain_text('+model = "claude-opus-4-5"')
        await page.get_by_label("Note").fill("I have read it.")
        await page.get_by_role("button", name=button).click()
        await expect(page.locator("h1 .state-tag")).to_have_text({"approve": "approved", "deny": "denied"}[method])
        assert site.core.desk.done == [(method, "apr_1", "I have read it.")]
        await page.goto(site.origin + "/questions")
        await page.get_by_label("Leave it for now").check()
        await page.get_by_role("button", name="Answer worker").click()
        await page.goto(site.origin + "/stop-all")
        await page.get_by_role("button", name="Stop everything").click()
        await expect(page.locator("#stopped")).to_be_visible()
        await page.get_by_role("button", name="Let everything go on").click()
        await expect(page.locator("#stopped")).to_be_hidden()
