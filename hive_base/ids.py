"""Ids: a kind, an underscore, and 26 characters that sort by time of making and are never used again."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
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
    return kind + "_" + "".join(_ALPHABET[stamp >> shift & 31] for shift in range(125, -1, -5))


def new_secret() -> str:
    """256 random bits for a token in a link or a cookie."""
    return secrets.token_urlsafe(32)
