"""Ids: a kind, an underscore, and 26 characters that sort by time of making and are never used again."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
"""Two characters at a time: each message has an id made while everybody waits for the writer's thread."""
_last = 0


def new_id(kind: str) -> str:
    """`new_id("msg")` gives `msg_` and 48 bits of milliseconds and 80 random bits in Crockford's base 32.

    Within one process later ids sort after earlier ones, also within a millisecond and when the clock goes back.
    """
    global _last
    stamp = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    if stamp <= _last:
        stamp = _last + 1 + secrets.randbits(40)
    _last = stamp
    return kind + "_" + "".join([_PAIRS[stamp >> shift & 1023] for shift in range(120, -1, -10)])


def new_secret() -> str:
    """256 random bits for a token in a link or a cookie."""
    return secrets.token_urlsafe(32)
