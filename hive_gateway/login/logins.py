"""Logins under way: each is a connection to a place of its own, beside the gateway, that ends with it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, SecretStr, ValidationError

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_gateway.accounts.models import Renewal, StoredAccount
from hive_gateway.login.place import CODE
from hive_rpc.accounts import AccountKind
from hive_rpc.errors import ConflictError, HiveError, InvalidError, NotFoundError, TimedOutError, UnavailableError
from hive_rpc.interfaces.gateway import Login, LoginCode

SOCKET = Path("/run/hive-login/login.sock")
LIFETIME = timedelta(minutes=10)
MOST = 4
ANSWER_SECONDS = 50.0
"""More than the place itself waits for the CLI, less than core waits for the gateway."""


class _Said(BaseModel):
    """A line from the place."""

    address: str = ""
    error: str = ""
    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None
    expires_at: float = 0


@dataclass(frozen=True)
class _Pending:
    account: str
    expires_at: datetime
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hear(self) -> _Said:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self.reader.readline()
        except TimeoutError:
            raise TimedOutError("The login did not get on in time.", hint="Begin it again.") from None
        except (OSError, ValueError) as error:
            raise UnavailableError("The login broke off.", hint="Begin it again.") from error
        try:
            said = _Said.model_validate_json(line)
        except ValidationError:
            raise UnavailableError("The login broke off.", hint="Begin it again.") from None
        if said.error:
            raise InvalidError(f"The login failed: {said.error}.", hint="Begin it again.")
        return said


class Logins:
    def __init__(self, clock: Clock, keep: Callable[[StoredAccount], Awaitable[None]], socket: Path = SOCKET) -> None:
        """`keep` stores the account that a login gave."""
        self._clock = clock
        self._keep = keep
        self._socket = socket
        self._pending: dict[str, _Pending] = {}

    async def begin(self, account: str) -> Login:
        """Raises UnavailableError, ConflictError, and what the CLI says as InvalidError."""
        self._drop_expired()
        if len(self._pending) >= MOST:
            raise ConflictError(f"{MOST} logins are under way already.", hint="End one, or wait ten minutes.")
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket))
        except OSError as error:
            raise UnavailableError(
                f"There is no place to log in: {self._socket}: {error.strerror}.",
                hint="Start hive-login.socket on the hive host, or add the account with a setup token.",
            ) from error
        expires_at = self._clock.now() + LIFETIME
        pending = _Pending(account, expires_at, reader, writer)
        try:
            said = await pending.hear()
        except HiveError:
            writer.close()
            raise
        login = new_id("login")
        self._pending[login] = pending
        return Login(id=login, address=said.address, expires_at=expires_at)

    async def finish(self, code: LoginCode) -> None:
        """Raises NotFoundError for a login that is over, and what `begin` raises."""
        self._drop_expired()
        if not CODE.fullmatch(code.code):
            raise InvalidError("That is not a code.", hint="Give what the address showed, as it is.")
        pending = self._pending.pop(code.login, None)
        if pending is None:
            raise NotFoundError("That login is over.", hint="Begin it again: `hive account login NAME`.")
        try:
            pending.writer.write(json.dumps({"code": code.code}).encode() + b"\n")
            said = await pending.hear()
        finally:
            pending.writer.close()
        if said.access_token is None or said.refresh_token is None:
            raise InvalidError("The login gave no token.", hint="Begin it again.")
        renewal = Renewal(token=said.refresh_token, expires_at=datetime.fromtimestamp(said.expires_at, UTC))
        await self._keep(
            StoredAccount(
                name=pending.account, kind=AccountKind.SUBSCRIPTION, secret=said.access_token, renewal=renewal
            )
        )

    def close(self) -> None:
        for pending in self._pending.values():
            pending.writer.close()
        self._pending.clear()

    def _drop_expired(self) -> None:
        now = self._clock.now()
        for login, pending in list(self._pending.items()):
            if pending.expires_at <= now:
                pending.writer.close()
                del self._pending[login]
