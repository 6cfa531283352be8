"""Names to addresses."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from hive_rpc.egress import Address


class Resolver(Protocol):
    async def resolve(self, name: str) -> Sequence[Address]:
        """The addresses of a name, the best first; empty when there are none."""


_THREADS = 64


class SystemResolver:
    """The machine's own. It waits for name servers that agents choose, so in threads that nothing else waits for."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")

    async def resolve(self, name: str) -> Sequence[Address]:
        ask = partial(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except OSError:
            return []
        # A link-local address may have its interface behind a percent sign; it is refused anyway.
        return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
