"""The product's first minute, as an operator lives it: a browser, a message, a turn that streams in, a reply."""

import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.browser import context, follow, screenshot
from tests.support.hive_host import Hive

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with context(browser, viewport={"width": 1280, "height": 800}) as tab:
        yield await tab.new_page()


async def test_a_message_in_the_browser_becomes_a_turn_with_a_tool_call_and_a_reply(hive: Hive, page: Page) -> None:
    await follow(hive.sign_in, page)
    await expect(page.get_by_text("Stand-in model.")).to_be_visible()
    await expect(page.get_by_role("link", name=re.compile("worker")).first).to_be_visible()

    await page.get_by_role("link", name=re.compile("worker")).first.click()
    await expect(page).to_have_url(f"{hive.url}/agent/worker/")
    composer = page.get_by_role("textbox")
    await composer.fill("run `echo 6 times 7 is $((6*7))` then wait 3 seconds then say All done, the sum is above.")
    await composer.press("Enter")
    # The state is live, the tool call shows before the turn ends, and so does the text that streams in.
    await expect(page.locator("body")).to_contain_text("Thinking")
    await expect(page.get_by_text("Bash").first).to_be_visible()
    await expect(page.get_by_text("All done, the sum is above.").last).to_be_visible(timeout=30_000)
    await expect(page.get_by_text("6 times 7 is 42").last).to_be_visible(timeout=30_000)
    await expect(page.locator("body")).to_contain_text("Idle")
    # `make screenshots` copies it to docs/images.
    await screenshot(page, "agent")
    await page.goto(hive.url + "/")
    await expect(page.get_by_text("All done, the sum is above.").first).to_be_visible()


async def test_a_sign_in_link_lets_in_one_browser_once(hive: Hive, browser: Browser) -> None:
    link = json.loads(hive.command("operator", "invite", "grace", "--json").stdout)["url"]
    for expected in ("/", "/sign-in"):
        tab = await browser.new_context()
        page = await tab.new_page()
        await page.goto(link)
        # Looking at the link uses nothing up: whatever previews links may do that.
        await page.goto(link)
        await page.get_by_role("button", name="Continue").click()
        await page.wait_for_load_state()
        await page.goto(hive.url + "/")
        assert page.url.startswith(hive.url + expected)
        assert ("sign-in" in page.url) is (expected == "/sign-in")
        await tab.close()
