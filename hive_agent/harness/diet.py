"""Keeps out of memory what a harness never uses. A host has one harness for each agent, a thousand perhaps.

asyncio imports ssl where it can, hashlib and hmac import OpenSSL where they can: 4 MiB for TLS that is nowhere here.
"""

import sys

NEVER_USED = ("ssl", "_hashlib")


def begin() -> None:
    """To be called before anything else is imported. The standard library does without these by itself."""
    for name in NEVER_USED:
        sys.modules[name] = None  # type: ignore[assignment]
