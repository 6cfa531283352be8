"""The dashboard against a real core and a real gateway: what is decided in the browser happens in the containers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.test_gateway_live import ASK_PROXY
from tests.support.browser import context, follow
from tests.support.hive_host import Hive
from tests.support.manager_story import REASON, ask, propose

PATIENCE_MS = 90_000
"""Drains, switches and boots go on while other tests' machines do."""


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def page(hive: Hive, browser: Browser) -> AsyncIterator[Page]:
    """Of an admin who has no password yet, so that none is asked for."""
    link = json.loads(hive.command("operator", "invite", "ruth", "--role", "admin", "--json").stdout)["url"]
    async with context(browser) as tab:
        page = await tab.new_page()
        await follow(link, page)
        yield page


async def test_what_the_manager_proposes_is_approved_in_the_browser_and_the_worker_runs_with_it(
    hive: Hive, page: Page
) -> None:
    await expect(page.locator("#live")).to_have_attribute("data-connection", "live")
    approval = await asyncio.to_thread(propose, hive, 'drain_seconds = 20\n\n[environment]\nCOLOR = "teal"\n')
    item = page.locator("#waiting li", has_text="worker is to get another configuration")
    await expect(item).to_contain_text(REASON)
    await item.get_by_role("link", name="Review").click()
    await expect(page).to_have_url(f"{hive.url}/approvals/{approval}")
    await expect(page.locator(".diff")).to_contain_text('+COLOR = "teal"')
    await page.get_by_label("Note").fill("A good colour.")
    await page.get_by_role("button", name="Approve").click()
    # The page follows what becomes of it.
    await expect(page.locator("h1 .state-tag")).to_have_text("deployed", timeout=PATIENCE_MS)
    await expect(page.get_by_text("A good colour.")).to_be_visible()
    await page.get_by_role("link", name="its job").click()
    await expect(page.locator(".progress > [data-mark=done]")).to_have_count(6)
    await expect(page.locator("pre.text")).to_contain_text("worker is up with")
    assert "teal" in await asyncio.to_thread(ask, hive, "worker", "run echo $COLOR")

    await page.goto(f"{hive.url}/agent/worker/config")
    await expect(page.locator("pre.text")).to_contain_text('COLOR = "teal"')
    newest = page.locator(".rows > li").first
    await expect(newest).to_contain_text("runs now")
    await expect(newest.get_by_role("link", name="deployed")).to_have_attribute("href", f"/approvals/{approval}")
    await newest.get_by_role("link", name="What it changed").click()
    await expect(page.locator(".diff")).to_contain_text('+COLOR = "teal"')


async def test_a_configuration_is_edited_in_place_and_denied(hive: Hive, page: Page) -> None:
    await page.goto(f"{hive.url}/agent/worker/config")
    before = await page.locator("pre.text").inner_text()
    await page.get_by_role("link", name="Edit", exact=True).click()
    text = page.get_by_label("agent.toml")
    await text.fill("[limits]\nmemory_mib = 'lots'\n")
    await page.get_by_role("button", name="Propose it").click()
    await expect(page.get_by_role("alert")).to_contain_text("limits.memory_mib")
    await expect(page.get_by_role("alert")).to_contain_text("Line 2: memory_mib = 'lots'")
    await expect(text).to_have_value("[limits]\nmemory_mib = 'lots'\n")
    await text.fill("[limits]\nmemory_mib = 4000\n")
    await page.get_by_label("Why").fill("A little less.")
    await page.get_by_role("button", name="Propose it").click()
    await expect(page).to_have_url(re.compile(r"/approvals/apr_"))
    await expect(page.locator(".diff")).to_contain_text("+memory_mib = 4000")
    await page.get_by_label("Note").fill("No.")
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator("h1 .state-tag")).to_have_text("denied")
    await page.goto(f"{hive.url}/agent/worker/config")
    assert await page.locator("pre.text").inner_text() == before
    await expect(page.locator(".rows > li").first).to_contain_text("denied")


async def test_everything_is_stopped_and_goes_on_in_the_browser(hive: Hive, page: Page) -> None:
    agent = await page.context.new_page()
    await agent.goto(f"{hive.url}/agent/worker/")
    await expect(agent.locator("#stopped")).to_be_hidden()
    await page.get_by_role("link", name="Stop everything").click()
    await page.get_by_label("Why").fill("a drill")
    await page.get_by_role("button", name="Stop everything").click()
    try:
        await expect(page.locator("#stopped")).to_contain_text("a drill")
        await expect(agent.locator("#stopped")).to_contain_text("ruth")
        await expect(agent.locator(".agent-head .state")).to_have_text("Parked", timeout=PATIENCE_MS)
        command = (hive.machine("worker"), "python3", "-c", ASK_PROXY, "pypi.org:443")
        assert "a drill" in (await asyncio.to_thread(hive.run_in, *command)).stdout
        # What was refused is told on the agent's page.
        await page.goto(f"{hive.url}/agent/worker/egress")
        await expect(page.locator(".connections > li").first).to_contain_text("pypi.org:443")
        await expect(page.locator(".connections > li").first).to_contain_text("refused")
    finally:
        await page.get_by_role("button", name="Let everything go on").click()
    await expect(agent.locator("#stopped")).to_be_hidden()
    await expect(agent.locator(".agent-head .state")).to_have_text("Idle", timeout=PATIENCE_MS)
    assert "on we go" in await asyncio.to_thread(ask, hive, "worker", "say on we go")


async def test_an_account_is_added_used_and_given_up(hive: Hive, page: Page) -> None:
    await page.goto(f"{hive.url}/accounts")
    await page.get_by_text("Add an account").click()
    await page.get_by_label("Name (agents").fill("spare")
    await page.get_by_label("Stand-in model").check()
    await page.get_by_role("button", name="Store the account").click()
    spare = page.locator("#account-spare")
    await expect(spare).to_contain_text("ready")
    await spare.get_by_text("Change").click()
    await spare.get_by_label("Have an agent use spare").select_option("worker")
    await spare.get_by_role("button", name="Use it from now on").click()
    await expect(spare).to_contain_text("Used by worker")
    assert "paid" in await asyncio.to_thread(ask, hive, "worker", "say paid")
    await page.goto(f"{hive.url}/spending")
    await expect(page.locator("#spending-account-spare")).not_to_contain_text("0 requests")
    caps = page.locator("#spending-account-spare")
    await caps.get_by_text("Set caps").click()
    await caps.get_by_label("Dollars a day").fill("12.5")
    await caps.get_by_role("button", name="Set these caps").click()
    await expect(caps).to_contain_text("of $12.50")

    await page.goto(f"{hive.url}/accounts")
    await spare.get_by_text("Change").click()
    await spare.get_by_label("Type spare").fill("spare")
    await spare.get_by_role("button", name="Remove spare").click()
    await expect(spare.get_by_role("alert")).to_contain_text("is used by worker")
    hive.command("account", "use", "worker")
    await spare.get_by_label("Type spare").fill("spare")
    await spare.get_by_role("button", name="Remove spare").click()
    await expect(spare).to_have_count(0)


async def test_a_destroyed_agent_is_revived_in_the_browser(hive: Hive, page: Page) -> None:
    hive.command("spawn", "scout")
    hive.command("destroy", "scout", "--yes")
    await page.goto(f"{hive.url}/tombstones")
    await page.get_by_role("link", name="Revive… scout").click()
    await page.get_by_role("button", name="Revive scout").click()
    await expect(page.locator(".agent-head .state")).to_have_text("Idle", timeout=PATIENCE_MS)
    hive.command("destroy", "scout", "--purge", "--yes")


async def test_all_agents_are_restarted_by_jobs_that_are_seen_to_run(hive: Hive, page: Page) -> None:
    await page.goto(f"{hive.url}/jobs")
    await page.get_by_role("link", name="Restart all").click()
    await page.get_by_label("Why").fill("A drill.")
    await page.get_by_role("button", name="Restart all agents").click()
    await expect(page).to_have_url(f"{hive.url}/jobs")
    await expect(page.get_by_text("No job runs")).to_be_visible(timeout=PATIENCE_MS)
    for name in ("manager", "worker"):
        row = page.locator(".rows > li", has_text=f"{name} is restarted").first
        await expect(row).to_contain_text("asked for by ruth")
        await expect(row.locator(".state-tag")).to_have_text("done")
    assert "A drill." in hive.command("messages", "worker").stdout
