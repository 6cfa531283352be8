"""One browser for all tests that need one: each has a context of its own in it, as if it were another person's."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> "AsyncIterator[Browser]":
    # Most tests do without what this imports.
    from tests.support.browser import chromium

    async with chromium() as running:
        yield running
