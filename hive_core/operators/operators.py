"""Operator accounts: who they are, what they may do, and the one-time links that let them in."""

import hashlib
import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_base.ids import new_secret
from hive_core.operators.audit import SQL, Actor, Audit
from hive_core.operators.passwords import Passwords
from hive_core.store import Database, from_ms, to_ms
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError
from hive_rpc.interfaces.operator.people import OperatorAccount
from hive_rpc.types import Role

INVITE_LIFETIME = timedelta(hours=1)
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,62}")


@dataclass(frozen=True)
class Invite:
    token: str
    """Shown once; only its hash is kept."""
    expires_at: datetime
    role: Role
    """The account's."""


def token_hash(token: str) -> bytes:
    """Tokens are 256 random bits, so a plain digest is as hard to undo as they are to guess."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


class Operators:
    """Accounts and invitations. Every change is audited with the `actor` in its transaction."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._db = database
        self._clock = clock
        self._passwords = passwords

    async def invite(self, actor: Actor, name: str, role: Role = Role.VIEWER) -> Invite:
        """A one-time link's token for `name`; the account is made if it is not there, and keeps its role if it is."""
        if not _NAME.fullmatch(name):
            raise InvalidError(
                f"{name!r} cannot be an operator's name.",
                hint="Lower-case letters, digits, dots, underscores and hyphens, a letter first, 63 at most.",
            )
        now = self._clock.now()
        token, expires_at = new_secret(), now + INVITE_LIFETIME

        def write(connection: sqlite3.Connection) -> Invite:
            connection.execute(SQL.drop_expired_invites, {"now": to_ms(now)})
            connection.execute(SQL.add_operator, {"name": name, "role": role, "now": to_ms(now)})
            connection.execute(
                SQL.add_invite,
                {"token_hash": token_hash(token), "operator": name, "expires_at": to_ms(expires_at)},
            )
            Audit.record(connection, now, actor, "invite", name, details={"role": role})
            account = connection.execute(SQL.operator, {"name": name}).fetchone()
            return Invite(token, expires_at, Role(account["role"]))

        return await self._db.write(write)

    async def set_password(self, actor: Actor, name: str, password: str) -> None:
        """Set it and end the operator's sessions. Raises NotFoundError, InvalidError, TooLargeError."""
        hashed = await self._passwords.hash(password)
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            if connection.execute(SQL.set_password, {"name": name, "password": hashed}).rowcount == 0:
                raise _nobody(name)
            # Somebody who changes their own stays signed in where they are.
            connection.execute(SQL.drop_sessions_of, {"name": name, "except": actor.session})
            Audit.record(connection, now, actor, "set_password", name)

        await self._db.write(write)

    async def set_role(self, actor: Actor, name: str, role: Role) -> None:
        """Set it and end the operator's sessions. Raises NotFoundError; ConflictError for the last admin."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            if role is not Role.ADMIN:
                _keep_an_admin(connection, name)
            if connection.execute(SQL.set_role, {"name": name, "role": role}).rowcount == 0:
                raise _nobody(name)
            connection.execute(SQL.drop_sessions_of, {"name": name, "except": ""})
            Audit.record(connection, now, actor, "set_role", name, details={"role": role})

        await self._db.write(write)

    async def remove(self, actor: Actor, name: str) -> None:
        """Remove the account, its sessions and invitations. Raises NotFoundError; ConflictError for the last admin."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            _keep_an_admin(connection, name)
            if connection.execute(SQL.remove_operator, {"name": name}).rowcount == 0:
                raise _nobody(name)
            Audit.record(connection, now, actor, "remove_operator", name)

        await self._db.write(write)

    async def accounts(self) -> list[OperatorAccount]:
        return await self._db.read(lambda c: [_account(row) for row in c.execute(SQL.operators)])


def _nobody(name: str) -> NotFoundError:
    return NotFoundError(f"There is no operator named {name!r}.", hint="Invite them first.")


def _keep_an_admin(connection: sqlite3.Connection, name: str) -> None:
    row = connection.execute(SQL.operator, {"name": name}).fetchone()
    if (
        row is not None
        and row["role"] == Role.ADMIN
        and not connection.execute(SQL.other_admins, {"name": name}).fetchone()[0]
    ):
        raise ConflictError(f"{name} is the last admin.", hint="Make somebody else an admin first.")


def _account(row: sqlite3.Row) -> OperatorAccount:
    return OperatorAccount(
        name=row["name"],
        role=Role(row["role"]),
        has_password=row["password"] is not None,
        created_at=from_ms(row["created_at"]),
    )
