"""Which addresses an API may have."""

import ipaddress

from yarl import URL


def api_address(value: str) -> str:
    """The address as it is. Raises ValueError for one over which a key could be read on its way."""
    url = URL(value)
    if url.user or url.password or url.query_string or url.fragment or not url.host:
        raise ValueError("give an address like https://api.anthropic.com, without a user, a query or a fragment")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise ValueError("only https keeps the key secret on its way; http is for 127.0.0.1 and ::1 alone")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
