"""Every page's width, and axe-core's rules for WCAG 2.2 A and AA, in both themes, on a desk and on a phone."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from hive_rpc.types import AgentState, Role
from tests.integration.test_web_browser import LONG, PAGES, QUICK, UNBROKEN, arrange_long_words, open_page
from tests.support import demo_hive
from tests.support.browser import DESKTOP, PHONE, context
from tests.support.dashboard import dashboard

pytestmark = pytest.mark.asyncio(loop_scope="session")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def violations(page: Page) -> list[str]:
    """What axe-core finds on a page: the rule and the beginning of the element."""
    found = await Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    return [f"{v['id']}: {node['html'][:160]}" for v in found.response["violations"] for node in v["nodes"]]


@pytest.mark.parametrize(("theme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["light-desk", "dark-phone"])
async def test_no_page_breaks_a_rule_or_is_too_wide(
    tmp_path: Path, browser: Browser, theme: Any, viewport: Any
) -> None:
    async with dashboard(tmp_path, pace=QUICK, real_time=True) as site:
        demo_hive.populate(site.core)
        for state in AgentState:
            site.core.agent(f"in-{state.value.replace('_', '-')}", state, reason="because")
        arrange_long_words(site)
        site.core.hive = site.core.hive.model_copy(update={"stand_in": True, "model_backend": UNBROKEN})
        options: dict[str, Any] = {"color_scheme": theme, "viewport": viewport, "reduced_motion": "reduce"}
        async with context(browser, **options) as tab:
            page = await open_page(site, tab, "/", Role.ADMIN)
            wrong = {}
            for path in (*PAGES, *(f"/agent/{LONG}/{tab}" for tab in ("", "stop", "inbox"))):
                await page.goto(site.origin + path)
                for folded in await page.locator(".tool summary, main details summary").all():
                    await folded.click()
                if found := await violations(page):
                    wrong[path] = found
                assert await page.evaluate("document.documentElement.scrollWidth") == viewport["width"], path
            assert wrong == {}


async def test_the_rules_find_what_is_wrong(tmp_path: Path, browser: Browser) -> None:
    async with dashboard(tmp_path, pace=QUICK, real_time=True) as site, context(browser) as tab:
        page = await open_page(site, tab, "/help")
        await page.evaluate(
            """() => {
              const main = document.querySelector("main");
              main.append(document.createElement("button"));
              main.append(Object.assign(document.createElement("p"), { textContent: "faint", style: "color: #999" }));
            }"""
        )
        assert {line.partition(":")[0] for line in await violations(page)} == {"button-name", "color-contrast"}
