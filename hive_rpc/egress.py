"""What an agent may connect to, as its `agent.toml` says.

`github.com:443`, `*.pypi.org:443`, `192.0.2.7:22`, `[2001:db8::1]:443`.
Core reads the rules to refuse a wrong one when it is written, the gateway to decide, the harness to name the hosts.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = re.compile(r"^(?!-)[a-z0-9_-]{1,63}(?<!-)$")
_NUMBER = re.compile(r"^(0x[0-9a-f]*|[0-9]+)$")
MOST_RULES = 200


@dataclass(frozen=True)
class Rule:
    """One thing that is allowed. Either a name, perhaps with everything below it, or an address."""

    host: str
    """In lower case, without `*.`."""
    port: int
    below: bool = False
    """`*.host`: every name below it, and not the name itself."""
    address: Address | None = None

    def permits(self, host: str, port: int) -> bool:
        """`host` is a name or an address as `parse_host` returns it."""
        if port != self.port:
            return False
        return host.endswith(f".{self.host}") if self.below else host == self.host

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'*.' if self.below else ''}{host}:{self.port}"


def parse_rule(text: str) -> Rule:
    """Raises ValueError with a sentence."""
    host, separator, port = text.strip().rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not `host:port`")
    below = host.startswith("*.")
    name = parse_host(host.removeprefix("*."))
    address = address_of(name)
    if below and (address is not None or "." not in name):
        raise ValueError(f"{text!r}: `*.` is for names below a domain, like *.pypi.org:443")
    return Rule(name, int(port), below, address)


def parse_rules(texts: Iterable[str]) -> list[Rule]:
    return [parse_rule(text) for text in texts]


def parse_host(text: str) -> str:
    """A name in lower case without a last dot, or an address in its one spelling. Raises ValueError.

    What some programs read as an address and others as a name (`127.1`, `0x7f.1`, `2130706433`) is neither here.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.match(label) for label in labels) or _NUMBER.match(labels[-1]):
        raise ValueError(f"{text[:100]!r} is neither a host's name nor an address")
    return name


def address_of(host: str) -> Address | None:
    """The address that a parsed host is, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _well_formed(text: str) -> str:
    return str(parse_rule(text))


EgressRule = Annotated[str, AfterValidator(_well_formed)]
"""One rule in its one spelling."""
