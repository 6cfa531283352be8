"""A real Chromium, and what must be true of every page in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

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

POOR_CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((v) => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
    if (element.closest(".visually-hidden, .skip, [aria-hidden=true], [aria-disabled]")) continue;
    const style = getComputedStyle(element);
    const below = ground(element);
    const [a, b] = [luminance(over(rgba(style.color), below)), luminance(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${element.className}: ${walker.currentNode.data}`);
  }
  return poor;
}
"""
"""Visible texts whose contrast with what is behind them is below WCAG 2.2, 1.4.3 (AA)."""
