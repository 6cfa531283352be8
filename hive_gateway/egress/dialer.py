"""From a host to a connection: a name is looked up once, and what was looked at is what is connected to."""

import asyncio
import base64
import logging
from collections.abc import Sequence

from yarl import URL

from hive_gateway.config import EgressConfig
from hive_gateway.egress import tunnel
from hive_gateway.egress.addresses import why_not
from hive_gateway.egress.resolver import Resolver
from hive_gateway.egress.tunnel import Stream
from hive_gateway.site_proxy import proxy_for
from hive_rpc.egress import Address, address_of

MOST_ADDRESSES = 4
"""Of a name that are tried one after the other."""

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The connection may not be made. Its text is for the agent."""


class FailedError(Exception):
    """The connection could not be made. Its text is for the agent."""


class Dialer:
    """The proxy of the site, if any, is asked for the address that was looked at; a name could lead it elsewhere.
    Only where the site says that its proxy resolves is it trusted with the name."""

    def __init__(self, resolver: Resolver, config: EgressConfig) -> None:
        self._resolver = resolver
        self._config = config

    async def dial(self, host: str, port: int) -> tuple[Stream, Address | None]:
        """The connection, and the address that it leads to, if it is known. Raises RefusedError and FailedError."""
        proxy = proxy_for("https", host, port)
        if proxy is not None and self._config.proxy_resolves and address_of(host) is None:
            targets: Sequence[Address | None] = [None]
        else:
            targets = (await self._addresses(host))[:MOST_ADDRESSES]
        failure = f"{host}:{port} cannot be reached."
        for address in targets:
            try:
                async with asyncio.timeout(self._config.connect_seconds):
                    if proxy is None:
                        return await asyncio.open_connection(str(address), port, limit=tunnel.CHUNK), address
                    return await _through(proxy, _authority(address or host, port)), address
            except _ProxyError as error:
                failure = f"The proxy of the site does not lead to {host}:{port}: {error}."
            except (OSError, EOFError, asyncio.LimitOverrunError) as error:  # TimeoutError is an OSError
                log.debug("%s: %s", address, error)
        raise FailedError(failure)

    async def _addresses(self, host: str) -> Sequence[Address]:
        literal = address_of(host)
        if literal is not None:
            return [literal]
        addresses = await self._resolver.resolve(host)
        if not addresses:
            raise FailedError(f"{host} has no address.")
        refusals = {address: reason for address in addresses if (reason := why_not(address))}
        allowed = [address for address in addresses if address not in refusals]
        if not allowed:
            address, reason = next(iter(refusals.items()))
            raise RefusedError(f"{host} leads to {address}, {reason}: such a one has to be allowed by its address.")
        return allowed


class _ProxyError(Exception):
    """The site's proxy has answered, and not with a connection."""


async def _through(proxy: URL, authority: str) -> Stream:
    """A tunnel of the site's proxy (RFC 9110, 9.3.6)."""
    reader, writer = await asyncio.open_connection(
        proxy.host, proxy.port, ssl=True if proxy.scheme == "https" else None, limit=tunnel.CHUNK
    )
    try:
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if proxy.user is not None:
            credentials = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {credentials}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1][:3]
        if not status.startswith(b"2"):
            raise _ProxyError(f"HTTP {status.decode('ascii', 'replace')}")
    except IndexError:
        writer.close()
        raise _ProxyError("it does not speak HTTP") from None
    except BaseException:
        writer.close()
        raise
    return reader, writer


def _authority(host: Address | str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
