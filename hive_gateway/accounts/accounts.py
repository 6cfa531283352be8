"""The accounts as they are now: what answers for each, what holds it, and how they are added and taken away."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from pydantic import SecretStr, ValidationError

from hive_base.clock import Clock
from hive_gateway import limits
from hive_gateway.accounts.credentials import FixedCredential, RenewedCredential
from hive_gateway.accounts.models import StoredAccount
from hive_gateway.accounts.store import AccountStore
from hive_gateway.backend import Backend
from hive_gateway.book import Book, HeldAccount
from hive_gateway.config import UpstreamConfig
from hive_gateway.headers import Headers
from hive_gateway.standin.app import StandIn
from hive_gateway.upstream import Upstream
from hive_rpc.accounts import (
    DEFAULT_ACCOUNT,
    Account,
    AccountKind,
    AccountState,
    Hold,
    HoldKind,
    LimitWindow,
    Scope,
)
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError, StorageError
from hive_rpc.faults import said
from hive_rpc.interfaces.gateway import NewAccount

REFUSED_SECONDS = 30.0
"""How long a refused credential is not tried again."""

log = logging.getLogger(__name__)


@dataclass
class LiveAccount:
    """An account in use."""

    stored: StoredAccount
    backend: Backend
    limits: dict[str, LimitWindow] = field(default_factory=dict)
    held: HeldAccount | None = None
    trying: set[str] = field(default_factory=set)
    """Agents that the hold does not stop: they find out whether it is still true."""

    @property
    def name(self) -> str:
        return self.stored.name

    def held_now(self, now: datetime) -> HeldAccount | None:
        return self.held if self.held is not None and now < self.held.until else None

    def public(self, now: datetime) -> Account:
        held = self.held_now(now)
        refused = self.held is not None and self.held.kind is HoldKind.LOGIN
        state = AccountState.NEEDS_LOGIN if refused else AccountState.HELD if held else AccountState.READY
        return Account(
            name=self.name,
            kind=self.stored.kind,
            base_url=self.stored.base_url,
            read_only=self.stored.read_only,
            state=state,
            reason=self.held.reason if self.held is not None and (refused or held) else None,
            held_until=held.until if held is not None and not refused else None,
            limits=sorted(self.limits.values(), key=lambda window: window.name),
        )


class Accounts:
    """There is always a default account: the stand-in, while nobody has configured another."""

    def __init__(
        self,
        store: AccountStore,
        book: Book,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        stand_in: Backend | None = None,
        settings: UpstreamConfig,
    ) -> None:
        self._store = store
        self._book = book
        self._session = session
        self._clock = clock
        self._settings = settings
        self._stand_in = stand_in or StandIn(clock)
        self._live: dict[str, LiveAccount] = {}
        self._changed = asyncio.Event()
        self._keeping: set[asyncio.Task[None]] = set()
        self._storing = asyncio.Lock()

    async def load(self, from_systemd: Iterable[StoredAccount] = ()) -> None:
        """Read the accounts, and what held them; those of systemd come before stored ones of the same name."""
        for account in [*await asyncio.to_thread(self._store.load), *from_systemd]:
            self._live[account.name] = self._live_one(account)
        self._ensure_default()
        for held in await self._book.holds():
            if held.account in self._live:
                self._live[held.account].held = held

    def find(self, name: str | None) -> LiveAccount | None:
        """The account of that name, or the default one; None when there is none."""
        return self._live.get(name or DEFAULT_ACCOUNT)

    @property
    def default(self) -> LiveAccount:
        return self._live[DEFAULT_ACCOUNT]

    @property
    def description(self) -> str:
        """What answers agents whose configuration names no account, in words for an operator."""
        match self.default.stored.kind:
            case AccountKind.STAND_IN:
                return "the stand-in model, because no account is configured"
            case AccountKind.API_KEY:
                return f"the API at {self._host(self.default)}, with an API key"
            case _:
                return f"the API at {self._host(self.default)}, with a subscription"

    def all(self) -> Sequence[LiveAccount]:
        return [self._live[name] for name in sorted(self._live)]

    def public(self) -> list[Account]:
        now = self._clock.now()
        return [account.public(now) for account in self.all()]

    def holds(self) -> list[Hold]:
        now = self._clock.now()
        return [
            Hold(kind=held.kind, scope=Scope.ACCOUNT, name=held.account, reason=held.reason, until=held.until)
            for account in self.all()
            if (held := account.held_now(now)) is not None
        ]

    async def add(self, new: NewAccount) -> None:
        """Add an account or replace it; requests under way end as they began.

        Raises InvalidError, ConflictError for one that comes from systemd, StorageError.
        """
        self.check_changeable(new.name)
        try:
            account = StoredAccount(
                name=new.name, kind=new.kind, secret=SecretStr(new.secret.strip()), base_url=new.base_url
            )
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            what = ".".join(str(part) for part in first["loc"])
            raise InvalidError(
                f"The account {new.name} cannot be added: {f'{what}: ' if what else ''}{said(first)}.", field=what
            ) from None
        await self.keep(account)

    async def keep(self, account: StoredAccount) -> None:
        """Store an account and use it from now on."""
        live = self._live_one(account)
        async with self._storing:
            await asyncio.to_thread(self._store.save, account)
            self._live[account.name] = live
        await self._book.release(account.name)
        log.info("the account %s (%s) was stored", account.name, account.kind)
        self._wake()

    async def remove(self, name: str) -> None:
        """Raises NotFoundError, ConflictError, StorageError."""
        if name not in self._live or self._live[name].stored == _stand_in():
            raise NotFoundError(f"There is no account {name}.", hint="`hive account list` shows those there are.")
        self.check_changeable(name)
        async with self._storing:
            await asyncio.to_thread(self._store.remove, name)
            self._live.pop(name, None)
        await self._book.release(name)
        self._ensure_default()
        log.info("the account %s was removed", name)
        self._wake()

    def let_try(self, name: str, agent: str) -> None:
        """Let an agent's requests past what holds an account, until an answer says whether it still holds.

        Raises NotFoundError.
        """
        if name not in self._live:
            raise NotFoundError(f"There is no account {name}.", hint="`hive account list` shows those there are.")
        if self._live[name].held_now(self._clock.now()) is not None:
            log.info("%s may try the account %s in spite of what holds it", agent, name)
            self._live[name].trying.add(agent)

    def observe(self, account: LiveAccount, status: int, headers: Headers, *, tries: bool) -> None:
        """An answer has come for this account: what it tells of the account's limits.

        `tries`: its request was let past a hold, to find out whether that is still true.
        """
        now = self._clock.now()
        told = limits.windows(headers)
        account.limits |= {window.name: window for window in told}
        held: HeldAccount | None = account.held
        if status == 429:
            held = self._limit_reached(account, headers, now)
        elif status == 401:
            until = now + timedelta(seconds=REFUSED_SECONDS)
            log.error("the API refuses the credential of the account %s: give it a valid one", account.name)
            held = HeldAccount(account.name, HoldKind.LOGIN, "the API refuses its credential", until)
        elif status < 400 and held is not None and (tries or held.kind is HoldKind.LOGIN or now >= held.until):
            # A success that began before a limit was reached says nothing about it.
            held = None
        if held is None or status in {401, 429}:
            account.trying.clear()
        if held != account.held:
            account.held = held
            self._keep_hold(account.name, held)
            self._wake()
        elif told:
            self._wake()

    @property
    def changed(self) -> asyncio.Event:
        """Set when, from now on, an account comes, goes or fares otherwise."""
        return self._changed

    async def close(self) -> None:
        """Return when every hold is in the book, and every token that is being renewed is stored."""
        await asyncio.gather(*self._keeping, return_exceptions=True)

    def _limit_reached(self, account: LiveAccount, headers: Headers, now: datetime) -> HeldAccount:
        until, claim = limits.ends(headers, now), limits.claim(headers)
        which = f"its {claim.replace('_', '-')} limit is reached" if claim else "it is limited by the API"
        log.warning("the account %s: %s until %s", account.name, which, until)
        return HeldAccount(account.name, HoldKind.LIMIT, which, until, claim)

    def _keep_hold(self, account: str, held: HeldAccount | None) -> None:
        self._spawn(self._book.release(account) if held is None else self._book.hold(held))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Something that is to be written down, whoever waits for it."""
        task = asyncio.create_task(work)
        self._keeping.add(task)
        task.add_done_callback(self._kept)
        return task

    def _kept(self, task: "asyncio.Task[None]") -> None:
        self._keeping.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("what is known of an account could not be written down: %s", error)

    def check_changeable(self, name: str) -> None:
        """Raises ConflictError for an account that comes from systemd."""
        if name in self._live and self._live[name].stored.read_only:
            raise ConflictError(
                f"The account {name} is a systemd credential of hive-gateway.", hint="Change it where that comes from."
            )

    def _ensure_default(self) -> None:
        if DEFAULT_ACCOUNT not in self._live:
            self._live[DEFAULT_ACCOUNT] = self._live_one(_stand_in())

    def _live_one(self, account: StoredAccount) -> LiveAccount:
        if account.kind is AccountKind.STAND_IN:
            return LiveAccount(account, self._stand_in)
        credential: FixedCredential | RenewedCredential = FixedCredential(account)
        if account.renewal is not None:
            credential = RenewedCredential(
                account,
                self._session,
                self._clock,
                changed=lambda renewed: self._renewed(live, renewed),
                spawn=self._spawn,
            )
        upstream = Upstream(
            self._session,
            account.base_url or self._settings.base_url,
            credential,
            silence_seconds=self._settings.silence_seconds,
        )
        live = LiveAccount(account, upstream)
        return live

    async def _renewed(self, live: LiveAccount, account: StoredAccount) -> None:
        """Store a new token, unless its account was replaced or removed while that came."""
        async with self._storing:
            if self._live.get(account.name) is not live:
                return
            live.stored = account
            try:
                await asyncio.to_thread(self._store.save, account)
            except StorageError as error:
                # The token is good as long as this process lives.
                log.error("%s A restart would need a new login of it.", error.sentence())

    def _host(self, account: LiveAccount) -> str:
        return (account.stored.base_url or self._settings.base_url).partition("://")[2].partition("/")[0]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _stand_in() -> StoredAccount:
    """The default account while there is no other."""
    return StoredAccount(name=DEFAULT_ACCOUNT, kind=AccountKind.STAND_IN)
