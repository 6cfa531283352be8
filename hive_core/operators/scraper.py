"""The token with which a program reads the metrics and nothing else, as the machine's configuration gives it.

It is no session: nobody's role is behind it, and nothing of it is in the database.
"""

import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from hive_core.operators.audit import Actor
from hive_core.operators.operators import token_hash
from hive_core.operators.sessions import VIA
from hive_rpc.errors import InvalidError
from hive_rpc.types import Role

CREDENTIAL = "metrics-token"
"""Of systemd's (systemd.exec(5)); in modules/hive.nix too."""
ACTOR = Actor("scraper", VIA, role=Role.VIEWER)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{32,1024}")
"""What a bearer token may be (RFC 6750), and long enough to be random."""


class Scraper:
    """Knows the token when it sees it."""

    def __init__(self, token: str | None = None) -> None:
        self._digest = None if token is None else token_hash(token)

    def holds(self, token: str | None) -> bool:
        """Whether this is it; how long that takes tells nothing."""
        given = token_hash(token or "")
        return self._digest is not None and hmac.compare_digest(given, self._digest)


def from_systemd(environment: Mapping[str, str] = os.environ) -> Scraper:
    """With the token in systemd's credentials directory; without one it knows none.

    Raises InvalidError, without the value, when the file holds what cannot be one.
    """
    path = Path(environment.get("CREDENTIALS_DIRECTORY", "/nowhere")) / CREDENTIAL
    if not path.exists():
        return Scraper()
    token = path.read_bytes().strip().decode("latin-1")
    if not _TOKEN.fullmatch(token):
        raise InvalidError(
            f"The token for the metrics cannot be used: it has {len(token)} characters.",
            hint="Have 32 to 1024 letters and digits in the file of services.hive.metrics.tokenFile, and nothing else, "
            "as `openssl rand -hex 32` prints them, and restart hive-core.",
        )
    return Scraper(token)
