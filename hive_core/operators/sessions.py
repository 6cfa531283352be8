"""Sessions of the dashboard. Core alone mints them; hive-web carries a token that means nothing without this table."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_base.ids import new_id, new_secret
from hive_core.operators.audit import SQL, Actor, Audit
from hive_core.operators.operators import token_hash
from hive_core.operators.passwords import Passwords
from hive_core.rates import Rate, Rates
from hive_core.store import Database, from_ms, to_ms
from hive_rpc.errors import ForbiddenError, NotFoundError, NotSignedInError, RateLimitedError
from hive_rpc.interfaces.operator.people import SignedInSession
from hive_rpc.interfaces.session import SessionReply, SignedInReply
from hive_rpc.types import Role

ABSOLUTE_LIFETIME = timedelta(days=14)
IDLE_LIFETIME = timedelta(hours=24)
FRESH = timedelta(minutes=10)
"""So long after an invitation one may set one's first password."""
TOUCH_EVERY = timedelta(minutes=1)
"""How exactly the last use is kept: a write for every page would be a waste."""
VIA = "web.sock"
TOKEN = "token"  # noqa: S105 - the word itself
"""The means of a program's session."""

# How often one may fail.
_BY_NAME_AND_ADDRESS = Rate(burst=5, per_second=1 / 30)
_BY_ADDRESS = Rate(burst=20, per_second=1 / 10)
_BY_NAME = Rate(burst=50, per_second=1 / 10)
"""Wide, so that a stranger elsewhere cannot keep an operator out by failing in their name."""


@dataclass(frozen=True)
class SignedIn:
    """Whose session it is."""

    id: str
    name: str
    role: Role
    means: str
    address: str
    created_at: datetime
    expires_at: datetime

    @property
    def actor(self) -> Actor:
        return Actor(self.name, VIA, role=self.role, session=self.id, address=self.address)


class Sessions:
    """Signing in, being signed in, signing out."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._db = database
        self._clock = clock
        self._passwords = passwords
        self._by_name_and_address = Rates(clock, _BY_NAME_AND_ADDRESS)
        self._by_address = Rates(clock, _BY_ADDRESS)
        self._by_name = Rates(clock, _BY_NAME)
        self._rows: dict[bytes, sqlite3.Row] = {}
        """Of sessions as they were read, for as long as no commit touches any: each call on `web.sock` needs one."""
        self._rows_count = 0

    async def redeem(self, token: str, address: str = "") -> SignedInReply:
        """Sign in with an invitation's token, which works once. Raises NotSignedInError, RateLimitedError."""
        attempt = self._attempt(address)
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> SignedInReply | None:
            row = connection.execute(SQL.use_invite, {"token_hash": token_hash(token)}).fetchone()
            if row is None or row["expires_at"] <= to_ms(now):
                return None
            return self._mint(connection, row["operator"], "invitation", address, now)

        signed_in = await self._db.write(write)
        if signed_in is None:
            raise NotSignedInError(
                "This sign-in link was used already, or is older than an hour.",
                hint="Ask for another: `hive operator invite NAME`.",
            )
        attempt.succeeded()
        return signed_in

    async def sign_in(self, name: str, password: str, address: str = "") -> SignedInReply:
        """Sign in with a password. Raises NotSignedInError without telling which of the two was wrong."""
        attempt = self._attempt(address, name)
        now = self._clock.now()
        stored = await self._db.read(lambda c: c.execute(SQL.operator, {"name": name}).fetchone())
        right = await self._passwords.verify(stored["password"] if stored is not None else None, password)

        def write(connection: sqlite3.Connection) -> SignedInReply | None:
            # Read again: the password may have been changed, or the account deleted, while this one was checked.
            current = connection.execute(SQL.operator, {"name": name}).fetchone()
            if right and current is not None and current["password"] == stored["password"]:
                return self._mint(connection, name, "password", address, now)
            if current is not None:
                actor = Actor(name, VIA)
                Audit.record(
                    connection, now, actor, "sign_in", name, outcome="refused", details={"address": address[:200]}
                )
            return None

        signed_in = await self._db.write(write)
        if signed_in is None:
            raise NotSignedInError("The name or the password is wrong.")
        attempt.succeeded()
        return signed_in

    async def authorise(self, token: str | None, role: Role, *, used: bool = True) -> SignedIn:
        """Whose session this is, if they have the role; `used` keeps it from falling idle.

        Raises NotSignedInError, ForbiddenError.
        """
        found = await self._find(token, used=used)
        if not found.role.includes(role):
            raise ForbiddenError(f"That needs the role {role}; {found.name} is a {found.role}.")
        return found

    async def describe(self, token: str, *, used: bool = True) -> SessionReply:
        """Raises NotSignedInError."""
        found = await self._find(token, used=used)
        return SessionReply(name=found.name, role=found.role, expires_at=found.expires_at)

    async def confirm(self, signed_in: SignedIn, password: str | None) -> None:
        """Ask for the password again, before what a stolen session must not do. Raises ForbiddenError.

        Who has none yet, and signed in by invitation a few minutes ago, has confirmed that by the link.
        """
        stored = await self._db.read(lambda c: c.execute(SQL.operator, {"name": signed_in.name}).fetchone())
        if stored is not None and stored["password"] is None and signed_in.means == "invitation":
            if self._clock.now() - signed_in.created_at <= FRESH:
                return
            raise ForbiddenError(
                "That needs a password, and you have none.",
                hint="Sign in with a new link (`hive operator invite`) and set one within ten minutes.",
            )
        if password is None:
            raise ForbiddenError("That needs your password once more.", hint="Give it with the request.")
        attempt = self._attempt(f"session {signed_in.id}", signed_in.name)
        if stored is None or not await self._passwords.verify(stored["password"], password):
            # Counted by the attempt above, so that guesses do not fill the log.
            await self._db.write(
                lambda c: Audit.record(
                    c, self._clock.now(), signed_in.actor, "confirm", signed_in.name, outcome="refused"
                )
            )
            raise ForbiddenError("The password is wrong.")
        attempt.succeeded()

    async def token(self, actor: Actor, name: str, lifetime: timedelta) -> tuple[str, datetime]:
        """A session of `name` for a program, which does not fall idle. Raises NotFoundError."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> tuple[str, datetime]:
            if connection.execute(SQL.operator, {"name": name}).fetchone() is None:
                raise NotFoundError(f"There is no operator named {name!r}.", hint="Invite them first.")
            minted = self._add(connection, name, TOKEN, "", now, lifetime)
            Audit.record(connection, now, actor, "create_token", name, details={"days": lifetime.days})
            return minted

        return await self._db.write(write)

    async def signed_in(self, actor: Actor) -> list[SignedInSession]:
        """The sessions that `actor` may see: their own, or for an admin everybody's."""
        now = self._clock.now()
        parameters = {"operator": _own(actor), "now": to_ms(now), "idle_since": to_ms(now - IDLE_LIFETIME)}
        return await self._db.read(lambda c: [_session(row, actor) for row in c.execute(SQL.sessions, parameters)])

    async def revoke(self, actor: Actor, session: str) -> None:
        """End a session. Raises NotFoundError, also for one that `actor` may not see."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            row = connection.execute(SQL.revoke_session, {"id": session, "operator": _own(actor)}).fetchone()
            if row is None:
                raise NotFoundError("There is no such session.", hint="It may have ended already.")
            Audit.record(connection, now, actor, "revoke_session", row["operator"], details={"session": session})

        await self._db.write(write)

    async def sign_out(self, token: str) -> None:
        """End a session; one that is not there is no error."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            row = connection.execute(SQL.drop_session, {"token_hash": token_hash(token)}).fetchone()
            if row is not None:
                actor = Actor(row["operator"], VIA, address=row["address"])
                Audit.record(connection, now, actor, "sign_out", row["operator"])

        await self._db.write(write)

    async def _find(self, token: str | None, *, used: bool = True) -> SignedIn:
        now = self._clock.now()
        key = {"token_hash": token_hash(token or "")}
        row = await self._row(key)
        if row is None or row["expires_at"] <= to_ms(now):
            raise NotSignedInError(hint="Sign in.")
        if row["means"] != TOKEN and row["seen_at"] <= to_ms(now - IDLE_LIFETIME):
            raise NotSignedInError(hint="Sign in.")
        if used and row["seen_at"] <= to_ms(now - TOUCH_EVERY):
            await self._db.write(lambda c: c.execute(SQL.touch_session, {**key, "now": to_ms(now)}).rowcount)
        return SignedIn(
            id=row["id"],
            name=row["operator"],
            role=Role(row["role"]),
            means=row["means"],
            address=row["address"],
            created_at=from_ms(row["created_at"]),
            expires_at=from_ms(row["expires_at"]),
        )

    async def _row(self, key: dict[str, bytes]) -> sqlite3.Row | None:
        """The row as it is now: whoever ends a session learns of it after the mark is there."""
        count = self._db.marks.count("sessions")
        if count != self._rows_count:
            self._rows.clear()
            self._rows_count = count
        token = key["token_hash"]
        if token in self._rows:
            return self._rows[token]
        row: sqlite3.Row | None = await self._db.read(lambda c: c.execute(SQL.session, key).fetchone())
        # Only one that is there: what strangers ask about must not fill the memory.
        if row is not None and count == self._db.marks.count("sessions") == self._rows_count:
            self._rows[token] = row
        return row

    def _mint(
        self, connection: sqlite3.Connection, name: str, means: str, address: str, now: datetime
    ) -> SignedInReply:
        connection.execute(SQL.drop_expired_sessions, {"now": to_ms(now), "idle_since": to_ms(now - IDLE_LIFETIME)})
        token, expires_at = self._add(connection, name, means, address, now, ABSOLUTE_LIFETIME)
        role = Role(connection.execute(SQL.operator, {"name": name}).fetchone()["role"])
        Audit.record(
            connection, now, Actor(name, VIA), "sign_in", name, details={"means": means, "address": address[:200]}
        )
        return SignedInReply(session=token, name=name, role=role, expires_at=expires_at)

    @staticmethod
    def _add(
        connection: sqlite3.Connection, name: str, means: str, address: str, now: datetime, lifetime: timedelta
    ) -> tuple[str, datetime]:
        token, expires_at = new_secret(), now + lifetime
        row = {
            "token_hash": token_hash(token),
            "id": new_id("ses"),
            "operator": name,
            "means": means,
            "address": address[:200],
            "now": to_ms(now),
            "expires_at": to_ms(expires_at),
        }
        connection.execute(SQL.add_session, row)
        return token, expires_at

    def _attempt(self, address: str, name: str | None = None) -> "_Attempt":
        """Count an attempt as failed until it succeeds: many at once are counted before the first one is decided."""
        buckets = [(self._by_address, address)]
        if name is not None:
            buckets += [(self._by_name_and_address, f"{name}\0{address}"), (self._by_name, name)]
        for rates, key in buckets:
            wait = rates.take(key)
            if wait > 0:
                raise RateLimitedError("Too many attempts to sign in.", hint="Wait a little.", retry_after=wait)
        return _Attempt(buckets)


def _own(actor: Actor) -> str | None:
    """Whose sessions somebody may see; None is everybody's."""
    return None if actor.role is Role.ADMIN else actor.name


def _session(row: sqlite3.Row, actor: Actor) -> SignedInSession:
    return SignedInSession(
        id=row["id"],
        operator=row["operator"],
        means=row["means"],
        address=row["address"],
        created_at=from_ms(row["created_at"]),
        seen_at=from_ms(row["seen_at"]),
        expires_at=from_ms(row["expires_at"]),
        current=row["id"] == actor.session,
    )


@dataclass(frozen=True)
class _Attempt:
    taken: Sequence[tuple[Rates, str]]

    def succeeded(self) -> None:
        for rates, key in self.taken:
            rates.give_back(key)
