"""The walls between the dashboard and other sites that the same browser has open.

Order matters, and `app.py` keeps it: headers on every answer, then the error boundary, then `known_host`, then
`same_origin`, then `whole_body` of `door.py`, then the handlers.
"""

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from hive_rpc.errors import ForbiddenError

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        # No script can turn text into markup, not even ours by mistake: innerHTML and its like throw.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # A file that an agent named is what we say it is, never what its bytes look like.
    "X-Content-Type-Options": "nosniff",
    # Clickjacking, in browsers that do not know frame-ancestors.
    "X-Frame-Options": "DENY",
    # A one-time link or an agent's name leaks to no site that a message links to. Not `no-referrer`: browsers then
    # send `Origin: null` with our own forms (Fetch standard, 3.2).
    "Referrer-Policy": "same-origin",
    # Another site cannot hold a handle on our window, nor load an answer of ours as an image or a script.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Server": "hive",
}
_MAY_DIFFER = ("Content-Security-Policy", "Cache-Control")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")
_SAFE_METHODS = frozenset({"GET", "HEAD"})


def headers(secure: bool) -> dict[str, str]:
    """What every answer carries."""
    # Pages hold what only somebody signed in may see: nothing of them stays in a cache or behind a back button.
    always = _HEADERS | {"Cache-Control": "no-store"}
    return always | {"Strict-Transport-Security": "max-age=31536000"} if secure else always


def add_headers(secure: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler rather than a middleware: it sees streams and every error too, just before they are sent."""

    always = headers(secure)

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        # A download has a policy of its own, which allows nothing at all; a static file may be kept.
        own = {name: response.headers[name] for name in _MAY_DIFFER if name in response.headers}
        response.headers.update(always | own)

    return prepare


def known_host(allowed: tuple[str, ...]) -> Middleware:
    """Stops DNS rebinding: a site whose name is made to point here has the wrong name in `Host`."""
    names = frozenset(name.lower() for name in allowed)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _host_name(request) not in names:
            raise ForbiddenError(
                "The dashboard does not answer to this name.",
                hint="Ask for it by one of its own names, or add this one to allowed_hosts in web.toml.",
            )
        return await handler(request)

    return check


def _host_name(request: web.Request) -> str:
    """`Host` without its port; one that is missing or given twice is no name."""
    given = request.headers.getall("Host", [])
    if len(given) != 1:
        return ""
    found = _HOST.fullmatch(given[0].lower())
    return found["name"] if found else ""


def same_origin(secure: bool) -> Middleware:
    """Stops cross-site request forgery, also of the sign-in form: only our own pages may change anything.

    Browsers send `Origin` with every POST, and script cannot change it. `SameSite=Strict` on the cookie says the same
    a second time, but not to a neighbour on another port of the same host.
    """
    scheme = "https" if secure else "http"

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _SAFE_METHODS:
            ours = f"{scheme}://{request.headers.get('Host', '').lower()}"
            if (
                request.headers.getall("Origin", []) != [ours]
                or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
            ):
                raise ForbiddenError(
                    "This request did not come from the dashboard's own pages.",
                    hint="Go back, load the page again, and retry. Behind a proxy, `secure` in web.toml must say "
                    "whether browsers use https, and the proxy must pass Host on.",
                )
        return await handler(request)

    return check


def local_path(given: str | None, otherwise: str = "/") -> str:
    """Where to go afterwards: a path on this site, or else `otherwise`. Stops an open redirect."""
    if not given or not given.startswith("/") or given.startswith(("//", "/\\")) or not given.isprintable():
        return otherwise
    parts = urlsplit(given)
    return otherwise if parts.scheme or parts.netloc else given
