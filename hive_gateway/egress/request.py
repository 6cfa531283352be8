"""What a client asks of a proxy: RFC 9110 section 9.3.6 (CONNECT) and RFC 9112 section 3.2.2 (the absolute form)."""

import asyncio
import re
from dataclasses import dataclass

from hive_rpc.egress import parse_host

MAX_HEAD = 32 * 1024
"""Bytes of a request's line and headers."""

_LINE = re.compile(rb"([A-Z]{1,20}) (\S{1,8000}) HTTP/1\.[01]")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]{2,60}\]|[^\s/:@\[\]]{1,255})(?::(?P<port>[0-9]{1,5}))?")
_NOT_PASSED_ON = frozenset(
    {
        b"connection",
        b"host",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"upgrade",
    }
)


class BadRequestError(Exception):
    """It is no request to a proxy. Its text is for whoever sent it."""


@dataclass(frozen=True)
class Wanted:
    """Where a client wants to go."""

    host: str
    """As `parse_host` returns it."""
    port: int
    head: bytes | None
    """What is sent there first, for a request in the absolute form; None for a tunnel."""


async def read(reader: asyncio.StreamReader) -> Wanted:
    """Read one request's head. Raises BadRequestError, or EOFError when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            raise EOFError from None
        raise BadRequestError("The request breaks off.") from None
    except asyncio.LimitOverrunError:
        raise BadRequestError(f"The request's headers are over the limit of {MAX_HEAD} bytes.") from None
    if len(head) > MAX_HEAD:
        raise BadRequestError(f"The request's headers are over the limit of {MAX_HEAD} bytes.")
    line, *headers = head[:-4].split(b"\r\n")
    parsed = _LINE.fullmatch(line)
    fields = [_HEADER.fullmatch(header) for header in headers]
    if parsed is None or None in fields:
        raise BadRequestError("That is not an HTTP request.")
    method, target = parsed[1], parsed[2].decode("latin-1")
    if method == b"CONNECT":
        host, port = _authority(target, None)
        return Wanted(host, port, None)
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() != "http":
        raise BadRequestError("This is a proxy: ask with CONNECT, or for an http:// address.")
    authority, slash, path = rest.partition("/")
    authority, mark, query = authority.partition("?") if not slash else (authority, "", "")
    host, port = _authority(authority, 80)
    # One request to a connection: whatever follows its head goes to the same place and is read by nobody here.
    kept = [field[0] for field in fields if field is not None and field[1].lower() not in _NOT_PASSED_ON]
    origin = f"/{path}" if slash else f"/{mark}{query}"
    first = b"%s %s HTTP/1.1" % (method, origin.encode("latin-1"))
    lines = [first, b"Host: " + authority.encode("latin-1"), b"Connection: close", *kept]
    return Wanted(host, port, b"\r\n".join(lines) + b"\r\n\r\n")


def _authority(text: str, default_port: int | None) -> tuple[str, int]:
    found = _AUTHORITY.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else default_port
    if found is None or port is None or not 0 < port < 65536:
        raise BadRequestError(f"{text[:200]!r} is not `host:port`.")
    try:
        return parse_host(found["host"]), port
    except ValueError as error:
        raise BadRequestError(f"{error}.") from None
