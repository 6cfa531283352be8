"""Keeps out of memory what a harness never uses. A host has one harness for each agent, a thousand perhaps.

asyncio imports ssl where it can, hashlib and hmac import OpenSSL where they can: 4 MiB for TLS that is nowhere here.
pydantic looks for plugins with importlib.metadata, which brings zip files and e-mail along: 1.6 MiB.
pydantic.json_schema describes models, asyncio.sslproto is TLS again: both are imported and never used, 430 KiB.
Should a release of pydantic name a module otherwise, the harness only grows; a test on what is imported says so.
zoneinfo, which pydantic imports, reads the whole configuration of Python's build to learn where time zones are.
"""

import os
import sys
import types
from collections.abc import Sequence

from hive_agent import absent

NEVER_USED = ("ssl", "_hashlib")
IN_NAME_ALONE = ("pydantic.json_schema", "asyncio.sslproto")
PLUGIN_LOADER = "pydantic.plugin._loader"
TIME_ZONES = "/usr/share/zoneinfo"


def begin() -> None:
    """To be called before anything else is imported."""
    for name in NEVER_USED:
        # An import then fails as if it were not installed, for which the standard library is prepared.
        sys.modules[name] = None  # type: ignore[assignment]
    os.environ["PYTHONTZPATH"] = TIME_ZONES
    absent.leave_out(IN_NAME_ALONE)
    loader = types.ModuleType(PLUGIN_LOADER)
    loader.get_plugins = _no_plugins  # type: ignore[attr-defined]
    sys.modules[PLUGIN_LOADER] = loader


def _no_plugins() -> Sequence[object]:
    return ()
