"""Importing the SDK, quickly."""

import contextlib
import gc
from collections.abc import Iterator

from hive_agent import absent

UNUSED = (
    "mcp.client",
    "mcp.client._input_required",
    "mcp.client.client",
    "mcp.client.session",
    "mcp.client.session_group",
    "mcp.client.stdio",
    "mcp.server.mcpserver",
    "mcp.server.stdio",
)
"""Of the MCP library: what calls servers, and what makes them from functions. The SDK has a way of its own for both."""


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """What is made in the block stays for ever, and is never looked through for garbage.

    Imports make so many objects that the collector would go through all of them again and again: with the SDK that is
    a quarter of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def spare() -> None:
    """Keep out of the SDK's imports what is never used of them: a third of their time, and 12 MiB.

    Should a release of the library name a module otherwise, the runner only grows; a test on what is imported says so.
    """
    absent.leave_out(UNUSED)
