"""Names to addresses."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Protocol

from hive_rpc.egress import Address


class Resolver(Protocol):
    async def resolve(self, name: str) -> Sequence[Address]:
        """The addresses of a name, the best first; empty when there are none."""


class SystemResolver:
    """The machine's own."""

    async def resolve(self, name: str) -> Sequence[Address]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            return []
        # A link-local address may have its interface behind a percent sign; it is refused anyway.
        return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
