"""Machine names. nixos-container refuses more than 11 characters, so a long agent name gets a short hash."""

import base64
import hashlib
from collections.abc import Iterator

MAX_MACHINE = 11
PREFIX = "h-"
_ROOM = MAX_MACHINE - len(PREFIX)
_HASH = 5
"""Characters of base 32: 25 bits. The registry keeps machine names unique; this only has to make clashes rare."""


def machine_names(agent: str) -> Iterator[str]:
    """Names for an agent's machine, best first and without end; take the first that no other agent has."""
    if len(agent) <= _ROOM:
        yield PREFIX + agent
    head = agent[: _ROOM - _HASH].rstrip("-")
    salt = 0
    while True:
        digest = hashlib.sha256(f"{agent}/{salt}".encode()).digest()
        yield PREFIX + head + base64.b32encode(digest).decode().lower()[:_HASH]
        salt += 1
