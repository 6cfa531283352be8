"""Which headers pass through the gateway. What belongs to one connection, or to somebody's identity, does not."""

from collections.abc import Mapping

from multidict import CIMultiDict, CIMultiDictProxy

from hive_gateway.errors import ApiError
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, PLACEHOLDER_TOKEN

API_KEY = "x-api-key"
AUTHORIZATION = "authorization"
BETA = "anthropic-beta"
SUBSCRIPTION_BETA = "oauth-2025-04-20"
"""With it the API takes a subscription's token; Claude Code sends it when it has one."""
_PLACEHOLDERS = frozenset({PLACEHOLDER_API_KEY, PLACEHOLDER_TOKEN})
_HOP_BY_HOP = frozenset(
    # RFC 9110 section 7.6.1; besides these, whatever `Connection` names.
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_NOT_FORWARDED = _HOP_BY_HOP | {
    API_KEY,
    AUTHORIZATION,
    "accept-encoding",  # the answer is read on its way for what it used
    "cookie",
    "expect",  # nobody here answers it; a client goes on without (RFC 9110, 10.1.1)
    "forwarded",
    "host",
    "proxy-authorization",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
}
_NOT_RETURNED = _HOP_BY_HOP | {
    "alt-svc",
    "anthropic-organization-id",  # whose account it is, is not the agent's business
    "proxy-authenticate",
    "server",
    "set-cookie",
    "strict-transport-security",
}

Headers = CIMultiDict[str] | CIMultiDictProxy[str]


def credential_refusal(headers: Headers) -> ApiError | None:
    """Why a request may not pass because of the credentials it carries; None when they are placeholders alone.

    Either placeholder will do: a CLI that is warm has that of the account that its agent had when it was started.

    The CLI does not retry a 403 and shows its message; of a 401 it hides the message and tries 11 times.
    """
    given = [*headers.getall(API_KEY, ()), *(_bearer(value) for value in headers.getall("authorization", ()))]
    if given and _PLACEHOLDERS.issuperset(given):
        return None
    what = "A credential of its own" if given else "No credential"
    return ApiError(403, f"{what} came with this request. Agents of a hive use {PLACEHOLDER_API_KEY} as API key.")


def to_upstream(headers: Headers, credential: Mapping[str, str]) -> CIMultiDict[str]:
    """The request's headers for the API, with the account's credential."""
    made = CIMultiDict([*_passing(headers, _NOT_FORWARDED), *credential.items(), ("accept-encoding", "identity")])
    if AUTHORIZATION in credential:
        betas = [beta.strip() for value in made.popall(BETA, ()) for beta in value.split(",") if beta.strip()]
        made[BETA] = ",".join(dict.fromkeys([*betas, SUBSCRIPTION_BETA]))
    return made


def to_agent(headers: Headers) -> CIMultiDict[str]:
    """The response's headers for the agent."""
    return CIMultiDict([*_passing(headers, _NOT_RETURNED), ("server", "hive-gateway")])


def _passing(headers: Headers, held_back: frozenset[str]) -> list[tuple[str, str]]:
    named = {token.strip().lower() for value in headers.getall("connection", ()) for token in value.split(",")}
    # A sender cannot have the length of its own body dropped, for that would leave two readings of where it ends.
    dropped = held_back | (named - {"content-length"})
    return [(name, value) for name, value in headers.items() if name.lower() not in dropped]


def _bearer(authorization: str) -> str:
    return authorization.removeprefix("Bearer ").strip()
