"""What goes into a request's headers for an account. Tokens that end are renewed here and nowhere else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from pydantic import BaseModel, Field, SecretStr
from yarl import URL

from hive_base.clock import Clock
from hive_gateway import headers
from hive_gateway.accounts.models import Renewal, Secret, StoredAccount
from hive_gateway.errors import ApiError
from hive_gateway.site_proxy import proxy_for
from hive_rpc.accounts import AccountKind

TOKEN_ADDRESS = "https://platform.claude.com/v1/oauth/token"  # noqa: S105 - an address
CLIENT_ID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
"""Claude Code's own, as it names itself in every login."""
EARLY = timedelta(minutes=5)
"""A token that ends so soon is renewed before it is used."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
TOKEN_SECONDS = 30.0
"""How long the renewal of a token may take; Claude Code waits as long."""
_FOR_GOOD = frozenset({400, 401, 403})
"""The token that renews is not taken (RFC 6749, 5.2): only a login helps. Anything else may pass."""

log = logging.getLogger(__name__)


def header(kind: AccountKind, secret: SecretStr) -> Mapping[str, str]:
    value = secret.get_secret_value()
    return {headers.AUTHORIZATION: f"Bearer {value}"} if kind.subscription else {headers.API_KEY: value}


class FixedCredential:
    """A key or a token that lasts until an operator gives another one."""

    def __init__(self, account: StoredAccount) -> None:
        self._headers = header(account.kind, account.secret)

    async def current(self) -> Mapping[str, str]:
        return self._headers

    async def refused(self, headers: Mapping[str, str]) -> bool:
        return False


class _TokenReply(BaseModel):
    access_token: Secret = Field(min_length=1)
    refresh_token: Secret | None = None
    expires_in: float = Field(gt=0, allow_inf_nan=False, le=10 * 365 * 86400)


class RenewedCredential:
    """A subscription's short-lived token. `changed` is given the account with its new token, to be kept."""

    def __init__(
        self,
        account: StoredAccount,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        changed: Callable[[StoredAccount], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
        address: str = TOKEN_ADDRESS,
    ) -> None:
        """`spawn` runs a renewal, which is nobody's who asks for it: it goes on when they have gone away."""
        self._account = account
        self._session = session
        self._clock = clock
        self._changed = changed
        self._spawn = spawn
        self._address = URL(address)
        self._renewing: asyncio.Task[None] | None = None
        self._not_before = clock.monotonic()
        self._pause = FIRST_PAUSE_SECONDS
        self._needs_login = False

    async def current(self) -> Mapping[str, str]:
        """Raises ApiError when the token has ended and could not be renewed."""
        if self._ends_within(EARLY):
            await self._renew_unless(lambda: not self._ends_within(EARLY))
            if self._ends_within(timedelta()):
                if self._needs_login:
                    raise ApiError(401, "The hive's gateway cannot renew the account's token: it needs a new login.")
                raise ApiError(529, "The hive's gateway cannot renew the account's token now: try again.")
        return header(self._account.kind, self._account.secret)

    async def refused(self, headers: Mapping[str, str]) -> bool:
        await self._renew_unless(lambda: headers != header(self._account.kind, self._account.secret))
        return headers != header(self._account.kind, self._account.secret)

    def _ends_within(self, time: timedelta) -> bool:
        renewal = self._account.renewal
        return renewal is not None and renewal.expires_at - self._clock.now() <= time

    async def _renew_unless(self, done: Callable[[], bool]) -> None:
        """One at a time, whoever asks; and after a failure not again for a while, however many ask."""
        if self._renewing is None:
            if done() or self._clock.monotonic() < self._not_before:
                return
            self._renewing = self._spawn(self._renew())
        # A token that renews is good for once: the answer to it must not be lost with the client that waits for it.
        await asyncio.shield(self._renewing)

    async def _renew(self) -> None:
        try:
            reply = await self._ask()
        except (aiohttp.ClientError, TimeoutError, ValueError, _RefusedError) as error:
            self._needs_login = isinstance(error, _RefusedError) and error.status in _FOR_GOOD
            self._not_before = self._clock.monotonic() + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            log.error("the token of the account %s cannot be renewed: %s", self._account.name, _kind_of(error))
            return
        else:
            self._pause, self._needs_login = FIRST_PAUSE_SECONDS, False
            old = self._account.renewal
            assert old is not None
            ends = self._clock.now() + timedelta(seconds=reply.expires_in)
            renewal = Renewal(token=reply.refresh_token or old.token, expires_at=ends)
            self._account = self._account.model_copy(update={"secret": reply.access_token, "renewal": renewal})
            await self._changed(self._account)
        finally:
            self._renewing = None

    async def _ask(self) -> _TokenReply:
        assert self._account.renewal is not None
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._account.renewal.token.get_secret_value(),
            "client_id": CLIENT_ID,
        }
        async with self._session.post(
            self._address,
            json=form,
            allow_redirects=False,
            headers={"accept-encoding": "identity"},
            proxy=proxy_for(self._address.scheme, self._address.host or "", self._address.port or 0),
            timeout=aiohttp.ClientTimeout(total=TOKEN_SECONDS),
        ) as answer:
            if answer.status != 200:
                raise _RefusedError(answer.status)
            return _TokenReply.model_validate_json(await answer.content.read(64 * 1024))


class _RefusedError(Exception):
    """The answer was no new token. Its body may quote what was sent, and is not looked at."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


def _kind_of(error: Exception) -> str:
    return str(error) if isinstance(error, _RefusedError) else type(error).__name__
