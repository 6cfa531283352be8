"""The site's own proxy, as its environment names it: HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from hive_rpc.errors import InvalidError


def proxy_for(scheme: str, host: str, port: int) -> URL | None:
    """The proxy on the way to an address; None where there is none, or where NO_PROXY excepts it.

    Raises InvalidError, without the value, when the environment names something that is no proxy.
    """
    named = getproxies().get(scheme)
    if not named or proxy_bypass(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"):
        return None
    try:
        proxy = URL(named if "://" in named else f"http://{named}")
        usable = proxy.scheme in {"http", "https"} and proxy.host and proxy.port
    except ValueError:
        usable = False
    if not usable:
        raise InvalidError(
            f"{scheme.upper()}_PROXY in hive-gateway's environment is no proxy.",
            hint="Give it as http://host:port, and in NO_PROXY the hosts that are reached without it.",
        )
    return proxy
