"""A real Chromium, and what must be true of every page in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"]
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 780}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's, driven by Playwright. Tests run as root, where Chromium has no sandbox."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def context(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """A context whose pages may not fail unseen: no script error, no broken policy, no dialog.

    That an answer was an error is the server's to say and a test's to expect; Chromium logs it all the same.
    """
    problems: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: problems.append(f"{page.url}: dialog {dialog.message}"))
        page.on(
            "console",
            lambda said: (
                problems.append(f"{page.url}: {said.text}")
                if said.type in ("error", "warning") and not said.text.startswith("Failed to load resource")
                else None
            ),
        )

    opened = await browser.new_context(viewport=options.pop("viewport", DESKTOP), **options)
    opened.on("page", watch)
    try:
        yield opened
    finally:
        await opened.close()
    assert problems == []


async def follow(link: str, page: Page) -> None:
    """Sign in with a one-time link."""
    await page.goto(link)
    await page.get_by_role("button", name="Continue").click()
    await expect(page).to_have_url(link.partition("/sign-in")[0] + "/")


async def screenshot(page: Page, name: str, **options: Any) -> None:
    """Kept for people to look at: `test-artifacts/<name>.png`."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", **options)


OUTLINE = """
(root) => {
  const varies = new Set(["datetime", "title", "data-cursor", "data-digest", "value"]);
  const lines = [];
  const outline = (element, depth) => {
    const attributes = Array.from(element.attributes)
      .filter(({ name }) => !varies.has(name))
      .map(({ name, value }) => `${name}=${value.replace("fresh", "").trim()}`)
      .filter((pair) => pair !== "class=")
      .sort();
    lines.push([depth, element.localName, ...attributes].join(" "));
    for (const node of element.childNodes) {
      if (node.nodeType === 1) outline(node, depth + 1);
      else if (node.nodeType === 3 && node.data.trim()) lines.push(`${depth} "${node.data.trim()}"`);
    }
  };
  outline(root, 0);
  return lines;
}
"""
"""An element's content without what may differ between a page that was loaded and one that was updated."""
