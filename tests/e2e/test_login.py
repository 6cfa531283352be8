"""An interactive login, from the browser to the account: with the real CLI in its own unit's sandbox.

Who gives tokens in the internet is played on loopback, behind a proxy that the CLI is told of.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import chromium, context, follow
from tests.support.hive_host import Hive
from tests.support.oauth import TokenGiver, token_giver

PATIENCE_MS = 90_000

PLACE = "/run/systemd/system/hive-login@.service.d/played.conf"
CLI = "/run/played-login/claude"
PYTHON = "/opt/hive/bin/python3"


@asynccontextmanager
async def played_internet(hive: Hive, directory: Path) -> AsyncIterator[TokenGiver]:
    """Logins of this hive get their tokens here."""
    async with token_giver(directory) as giver:
        found = "from hive_gateway.login.place import bundled_cli; print(bundled_cli())"
        real = (await asyncio.to_thread(hive.run, PYTHON, "-I", "-c", found)).stdout.strip()
        variables = f"HTTPS_PROXY=http://127.0.0.1:{giver.proxy.port} NODE_EXTRA_CA_CERTS={CLI}.pem"
        files = {
            CLI: f'#!/bin/sh\nexport {variables}\nexec {real} "$@"\n',
            f"{CLI}.pem": giver.certificate.read_text(),
            PLACE: f"[Service]\nExecStart=\nExecStart={PYTHON} -I -m hive_gateway.login {CLI}\n",
        }
        try:
            for name, text in files.items():
                command = ("install", "-D", "--mode=755", "/dev/stdin", name)
                await asyncio.to_thread(hive.run, *command, stdin=text)
            await asyncio.to_thread(hive.run, "systemctl", "daemon-reload")
            yield giver
        finally:
            await asyncio.to_thread(hive.run, "rm", "-f", *files)
            await asyncio.to_thread(hive.run, "systemctl", "daemon-reload")


@pytest.fixture
async def page(hive: Hive) -> AsyncIterator[Page]:
    """Of an admin who has no password yet, so that none is asked for."""
    link = json.loads(hive.command("operator", "invite", "lena", "--role", "admin", "--json").stdout)["url"]
    async with chromium() as browser, context(browser) as tab:
        page = await tab.new_page()
        await follow(link, page)
        yield page


async def begin(hive: Hive, page: Page, giver: TokenGiver) -> None:
    await page.goto(f"{hive.url}/accounts")
    await page.get_by_text("Log in to a subscription").click()
    form = page.locator("#login form")
    await form.get_by_label("Name of the account").fill("team")
    await form.get_by_role("button", name="Begin a login").click()
    opened = page.get_by_role("link", name="Open the address")
    await expect(opened).to_be_visible(timeout=PATIENCE_MS)
    giver.address = await opened.get_attribute("href") or ""


async def test_an_account_is_logged_in_from_the_browser_with_the_real_cli(
    hive: Hive, page: Page, tmp_path: Path
) -> None:
    async with played_internet(hive, tmp_path) as giver:
        await begin(hive, page, giver)
        good = giver.code()
        await page.get_by_label("The code that it shows").fill("another#" + good.partition("#")[2])
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_contain_text("code wasn't accepted", timeout=PATIENCE_MS)
        await expect(page.locator("#account-team")).to_have_count(0)

        await begin(hive, page, giver)
        code = giver.code()
        await page.get_by_label("The code that it shows").fill(code)
        await page.get_by_role("button", name="Log in").click()
        await expect(page).to_have_url(f"{hive.url}/accounts", timeout=PATIENCE_MS)
        account = page.locator("#account-team")
        await expect(account).to_contain_text("No agent uses it")
        assert [asked["grant_type"] for asked in giver.asked] == ["authorization_code", "authorization_code"]
        # Only the gateway has what was given, and the code was told to nobody.
        assert "sk-ant" not in await page.content()
        for unit in ("hive-core.service", "hive-web.service", "hive-gateway.service", "hive-login@*.service"):
            told = await asyncio.to_thread(hive.journal, unit)
            assert not [secret for secret in ("sk-ant-", code, good) if secret in told], unit

        await account.get_by_text("Change").click()
        await account.get_by_label("Type team to remove the account").fill("team")
        await account.get_by_role("button", name="Remove team").click()
        await expect(account).to_have_count(0)
