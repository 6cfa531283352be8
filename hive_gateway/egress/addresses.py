"""Addresses that no name may lead to, because they are this machine's, this site's, or nobody's."""

import ipaddress
from collections.abc import Iterator

from hive_rpc.egress import Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_V4_COMPATIBLE = ipaddress.ip_network("::/96")
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Of a cloud's machines, with an address that looks like everybody's (Azure); the other clouds' are link-local."""


def why_not(address: Address) -> str | None:
    """What speaks against connecting to an address that a name led to; None when nothing does."""
    for candidate in _meanings(address):
        if reason := _why_not(candidate):
            return reason
    return None


def _why_not(address: Address) -> str | None:
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address, as cloud metadata has"
    if address.is_multicast:
        return "a multicast address"
    if address.is_unspecified:
        return "no address of any machine"
    if address in _METADATA:
        return "the address of a cloud's metadata"
    # What was once site-local is global to the standard library.
    if not address.is_global or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local):
        return "a private or reserved address"
    return None


def _meanings(address: Address) -> Iterator[Address]:
    """The address and those that are written into it: a translator on the way would connect to them."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        # The kernel connects to the address inside; that alone counts.
        yield address.ipv4_mapped
        return
    yield address
    if address in _NAT64 or address in _V4_COMPATIBLE:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64_LOCAL:
        yield ipaddress.IPv4Address("127.0.0.1")
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
