"""Who gets in, for how long, and what of it is written down."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from hive_core.operators import Actor, Audit, Operators, Sessions
from hive_core.operators.passwords import Passwords
from hive_core.store import Database
from hive_rpc.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    NotSignedInError,
    RateLimitedError,
)
from hive_rpc.types import Role
from tests.support.manual_clock import ManualClock

ROOT = Actor("root", "operator.sock")
PASSWORD = "correct horse battery"
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
def passwords() -> Passwords:
    """The real function with its smallest cost."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def operators(database: Database, clock: ManualClock, passwords: Passwords) -> Operators:
    return Operators(database, clock, passwords)


@pytest.fixture
def sessions(database: Database, clock: ManualClock, passwords: Passwords) -> Sessions:
    return Sessions(database, clock, passwords)


@pytest.fixture
async def ada(operators: Operators) -> str:
    await operators.invite(ROOT, "ada", Role.ADMIN)
    await operators.set_password(ROOT, "ada", PASSWORD)
    return "ada"


async def test_an_invitation_makes_the_account_and_signs_in_once(operators: Operators, sessions: Sessions) -> None:
    invite = await operators.invite(ROOT, "ada", Role.VIEWER)
    signed_in = await sessions.redeem(invite.token)
    assert (signed_in.name, signed_in.role) == ("ada", Role.VIEWER)
    assert (await sessions.describe(signed_in.session)).name == "ada"
    with pytest.raises(NotSignedInError) as refused:
        await sessions.redeem(invite.token)
    assert "hive operator invite" in refused.value.hint


async def test_an_invitation_used_by_many_at_once_lets_one_in(operators: Operators, sessions: Sessions) -> None:
    invite = await operators.invite(ROOT, "ada")
    attempts = await asyncio.gather(*(sessions.redeem(invite.token) for _ in range(4)), return_exceptions=True)
    assert sorted(type(a).__name__ for a in attempts) == ["NotSignedInError"] * 3 + ["SignedInReply"]


async def test_an_invitation_runs_out_after_an_hour(
    operators: Operators, sessions: Sessions, clock: ManualClock
) -> None:
    invite = await operators.invite(ROOT, "ada")
    assert (invite.expires_at - clock.now()).total_seconds() == HOUR
    await clock.advance(HOUR)
    with pytest.raises(NotSignedInError):
        await sessions.redeem(invite.token)


async def test_inviting_again_keeps_the_role(operators: Operators) -> None:
    await operators.invite(ROOT, "ada", Role.ADMIN)
    assert (await operators.invite(ROOT, "ada")).role is Role.ADMIN
    assert (await operators.invite(ROOT, "new")).role is Role.VIEWER
    account, _ = await operators.accounts()
    assert (account.role, account.has_password) == (Role.ADMIN, False)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "-a", "a" * 64, "../x"])
async def test_a_name_that_is_none_is_refused(operators: Operators, name: str) -> None:
    with pytest.raises(InvalidError):
        await operators.invite(ROOT, name)


async def test_the_right_password_signs_in_and_the_wrong_one_does_not(sessions: Sessions, ada: str) -> None:
    assert (await sessions.sign_in(ada, PASSWORD)).role is Role.ADMIN
    messages = set()
    for name, password in ((ada, "wrong password"), ("nobody", PASSWORD), (ada, "x" * 5000), (ada, "")):
        with pytest.raises(NotSignedInError) as refused:
            await sessions.sign_in(name, password)
        messages.add(refused.value.sentence())
    assert len(messages) == 1, "the answer does not tell which of the two was wrong"


async def test_an_account_without_a_password_cannot_sign_in_with_one(operators: Operators, sessions: Sessions) -> None:
    await operators.invite(ROOT, "ada")
    with pytest.raises(NotSignedInError):
        await sessions.sign_in("ada", "")


async def test_failing_often_has_to_wait_and_others_do_not(sessions: Sessions, ada: str, clock: ManualClock) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedInError):
            await sessions.sign_in(ada, "wrong password", "203.0.113.1")
    with pytest.raises(RateLimitedError) as refused:
        await sessions.sign_in(ada, PASSWORD, "203.0.113.1")
    assert refused.value.retry_after is not None
    await sessions.sign_in(ada, PASSWORD, "198.51.100.7")
    await clock.advance(refused.value.retry_after)
    await sessions.sign_in(ada, PASSWORD, "203.0.113.1")


async def test_guessing_names_from_one_address_has_to_wait_too(sessions: Sessions) -> None:
    for n in range(20):
        with pytest.raises(NotSignedInError):
            await sessions.sign_in(f"name{n}", "wrong password", "203.0.113.1")
    with pytest.raises(RateLimitedError):
        await sessions.sign_in("name20", "wrong password", "203.0.113.1")


async def test_guessing_one_name_from_ever_new_addresses_has_to_wait_too(sessions: Sessions, ada: str) -> None:
    for n in range(50):
        with pytest.raises(NotSignedInError):
            await sessions.sign_in(ada, "wrong password", f"203.0.113.{n}")
    with pytest.raises(RateLimitedError):
        await sessions.sign_in(ada, PASSWORD, "198.51.100.7")


async def test_guessing_links_has_to_wait_and_leaves_the_real_one_usable(
    operators: Operators, sessions: Sessions
) -> None:
    invite = await operators.invite(ROOT, "ada")
    for n in range(20):
        with pytest.raises(NotSignedInError):
            await sessions.redeem(f"guess-{n}", "203.0.113.1")
    with pytest.raises(RateLimitedError):
        await sessions.redeem(invite.token, "203.0.113.1")
    assert (await sessions.redeem(invite.token, "198.51.100.7")).name == "ada"


async def test_signing_in_rightly_is_not_counted(sessions: Sessions, ada: str) -> None:
    for _ in range(30):
        await sessions.sign_in(ada, PASSWORD, "203.0.113.1")


async def test_a_session_ends_when_it_is_idle_and_lives_while_it_is_used(
    sessions: Sessions, ada: str, clock: ManualClock
) -> None:
    used, idle = (await sessions.sign_in(ada, PASSWORD)).session, (await sessions.sign_in(ada, PASSWORD)).session
    await clock.advance(DAY - 1)
    await sessions.describe(used)
    await clock.advance(1)
    with pytest.raises(NotSignedInError):
        await sessions.describe(idle)
    await clock.advance(DAY - 2)
    await sessions.describe(used)


async def test_a_session_ends_after_two_weeks_however_much_it_is_used(
    sessions: Sessions, ada: str, clock: ManualClock
) -> None:
    token = (await sessions.sign_in(ada, PASSWORD)).session
    for _ in range(27):
        await clock.advance(DAY / 2)
        await sessions.describe(token)
    await clock.advance(DAY / 2)
    with pytest.raises(NotSignedInError):
        await sessions.describe(token)


async def test_signing_out_ends_this_session_and_no_other(sessions: Sessions, ada: str) -> None:
    one, other = (await sessions.sign_in(ada, PASSWORD)).session, (await sessions.sign_in(ada, PASSWORD)).session
    await sessions.sign_out(one)
    await sessions.sign_out(one)
    with pytest.raises(NotSignedInError):
        await sessions.describe(one)
    await sessions.describe(other)


async def test_a_session_outlives_core(
    database: Database, clock: ManualClock, passwords: Passwords, sessions: Sessions, ada: str
) -> None:
    token = (await sessions.sign_in(ada, PASSWORD)).session
    assert (await Sessions(database, clock, passwords).describe(token)).name == ada


async def test_a_new_password_ends_the_sessions_of_the_old_one(
    operators: Operators, sessions: Sessions, ada: str
) -> None:
    token = (await sessions.sign_in(ada, PASSWORD)).session
    await operators.set_password(ROOT, ada, "another good one")
    with pytest.raises(NotSignedInError):
        await sessions.describe(token)
    with pytest.raises(NotSignedInError):
        await sessions.sign_in(ada, PASSWORD)
    await sessions.sign_in(ada, "another good one")


async def test_a_password_that_is_too_short_or_nobodys_is_refused(operators: Operators, ada: str) -> None:
    with pytest.raises(InvalidError, match="12 characters"):
        await operators.set_password(ROOT, ada, "short")
    with pytest.raises(NotFoundError):
        await operators.set_password(ROOT, "nobody", PASSWORD)


async def test_a_role_includes_the_ones_below_it_and_no_other(operators: Operators, sessions: Sessions) -> None:
    invite = await operators.invite(ROOT, "oli", Role.OPERATOR)
    token = (await sessions.redeem(invite.token)).session
    actor = (await sessions.authorise(token, Role.VIEWER)).actor
    assert (actor.name, actor.via, actor.role) == ("oli", "web.sock", Role.OPERATOR)
    await sessions.authorise(token, Role.OPERATOR)
    with pytest.raises(ForbiddenError, match="admin"):
        await sessions.authorise(token, Role.ADMIN)
    for nobody in (None, "", "made-up"):
        with pytest.raises(NotSignedInError):
            await sessions.authorise(nobody, Role.VIEWER)


async def test_the_password_is_asked_for_again_before_what_cannot_be_undone(sessions: Sessions, ada: str) -> None:
    signed_in = await sessions.authorise((await sessions.sign_in(ada, PASSWORD)).session, Role.ADMIN)
    await sessions.confirm(signed_in, PASSWORD)
    with pytest.raises(ForbiddenError):
        await sessions.confirm(signed_in, "wrong password")


async def test_a_session_alone_does_not_confirm(sessions: Sessions, ada: str) -> None:
    signed_in = await sessions.authorise((await sessions.sign_in(ada, PASSWORD)).session, Role.ADMIN)
    for _ in range(5):
        with pytest.raises(ForbiddenError):
            await sessions.confirm(signed_in, None)
        with pytest.raises(ForbiddenError):
            await sessions.confirm(signed_in, "a guess")
    with pytest.raises(RateLimitedError):
        await sessions.confirm(signed_in, PASSWORD)


async def test_who_has_no_password_confirms_with_a_fresh_link_and_only_for_a_while(
    operators: Operators, sessions: Sessions, clock: ManualClock
) -> None:
    token = (await sessions.redeem((await operators.invite(ROOT, "new", Role.ADMIN)).token)).session
    await sessions.confirm(await sessions.authorise(token, Role.ADMIN), None)
    await clock.advance(601)
    with pytest.raises(ForbiddenError, match="have none"):
        await sessions.confirm(await sessions.authorise(token, Role.ADMIN), None)


async def test_a_page_that_asks_by_itself_does_not_keep_its_session_alive(
    sessions: Sessions, ada: str, clock: ManualClock
) -> None:
    token = (await sessions.sign_in(ada, PASSWORD)).session
    for _ in range(24):
        await clock.advance(HOUR - 1)
        await sessions.authorise(token, Role.VIEWER, used=False)
    await clock.advance(24)
    with pytest.raises(NotSignedInError):
        await sessions.authorise(token, Role.VIEWER, used=False)


async def test_a_programs_token_does_not_fall_idle_and_can_be_ended(
    operators: Operators, sessions: Sessions, clock: ManualClock, ada: str
) -> None:
    await operators.invite(ROOT, "prometheus", Role.VIEWER)
    token, expires_at = await sessions.token(ROOT, "prometheus", timedelta(days=90))
    assert (expires_at - clock.now()).days == 90
    await clock.advance(30 * DAY)
    await sessions.sign_in(ada, PASSWORD)
    assert (await sessions.authorise(token, Role.VIEWER)).name == "prometheus"
    with pytest.raises(ForbiddenError):
        await sessions.authorise(token, Role.OPERATOR)
    with pytest.raises(NotFoundError):
        await sessions.token(ROOT, "nobody", timedelta(days=1))
    (listed,) = [s for s in await sessions.signed_in(ROOT) if s.means == "token"]
    await sessions.revoke(ROOT, listed.id)
    with pytest.raises(NotSignedInError):
        await sessions.describe(token)


async def test_sessions_can_be_seen_and_ended_one_by_one(operators: Operators, sessions: Sessions, ada: str) -> None:
    here = (await sessions.sign_in(ada, PASSWORD, "203.0.113.1")).session
    there = (await sessions.sign_in(ada, PASSWORD, "198.51.100.7")).session
    actor = (await sessions.authorise(here, Role.VIEWER)).actor
    listed = {s.address: s for s in await sessions.signed_in(actor)}
    assert (listed["203.0.113.1"].current, listed["198.51.100.7"].current) == (True, False)
    assert here not in repr(listed)
    await sessions.revoke(actor, listed["198.51.100.7"].id)
    with pytest.raises(NotSignedInError):
        await sessions.describe(there)
    await sessions.describe(here)
    with pytest.raises(NotFoundError):
        await sessions.revoke(actor, listed["198.51.100.7"].id)


async def test_only_an_admin_sees_and_ends_the_sessions_of_others(
    operators: Operators, sessions: Sessions, ada: str
) -> None:
    admin = (await sessions.authorise((await sessions.sign_in(ada, PASSWORD)).session, Role.ADMIN)).actor
    token = (await sessions.redeem((await operators.invite(ROOT, "vic", Role.VIEWER)).token)).session
    viewer = (await sessions.authorise(token, Role.VIEWER)).actor
    assert {s.operator for s in await sessions.signed_in(viewer)} == {"vic"}
    with pytest.raises(NotFoundError):
        await sessions.revoke(viewer, admin.session)
    assert {s.operator for s in await sessions.signed_in(admin)} == {"ada", "vic"}
    await sessions.revoke(admin, viewer.session)
    with pytest.raises(NotSignedInError):
        await sessions.describe(token)


async def test_another_role_or_removal_ends_the_sessions_and_the_last_admin_stays(
    operators: Operators, sessions: Sessions, ada: str
) -> None:
    for change in (operators.remove(ROOT, ada), operators.set_role(ROOT, ada, Role.VIEWER)):
        with pytest.raises(ConflictError, match="last admin"):
            await change
    token = (await sessions.redeem((await operators.invite(ROOT, "eve", Role.OPERATOR)).token)).session
    await operators.set_role(ROOT, "eve", Role.ADMIN)
    with pytest.raises(NotSignedInError):
        await sessions.describe(token)
    token = (await sessions.redeem((await operators.invite(ROOT, "eve")).token)).session
    kept = await operators.invite(ROOT, "eve")
    await operators.remove(ROOT, "eve")
    for attempt in (sessions.describe(token), sessions.redeem(kept.token)):
        with pytest.raises(NotSignedInError):
            await attempt
    assert [account.name for account in await operators.accounts()] == ["ada"]


async def test_changing_ones_own_password_keeps_this_session_and_ends_the_others(
    operators: Operators, sessions: Sessions, ada: str
) -> None:
    here, there = [(await sessions.sign_in(ada, PASSWORD)).session for _ in range(2)]
    actor = (await sessions.authorise(here, Role.VIEWER)).actor
    await operators.set_password(actor, ada, "another good one")
    await sessions.describe(here)
    with pytest.raises(NotSignedInError):
        await sessions.describe(there)


async def test_the_audit_log_can_be_written_to_and_not_changed(operators: Operators, database: Database) -> None:
    await operators.invite(ROOT, "ada")
    for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'nobody'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            await database.write(lambda c, statement=statement: c.execute(statement).rowcount)  # type: ignore[misc]
    assert [row.who for row in (await Audit(database).page()).rows] == ["root"]


async def test_no_token_or_password_is_in_the_database(
    operators: Operators, sessions: Sessions, database: Database
) -> None:
    invite = await operators.invite(ROOT, "ada")
    kept = await operators.invite(ROOT, "ada")
    signed_in = await sessions.redeem(invite.token)
    content = b"".join(f.read_bytes() for f in database.path.parent.iterdir())
    for secret in (invite.token, kept.token, signed_in.session):
        assert secret.encode() not in content


async def test_what_was_done_is_audited_with_who_and_where(
    operators: Operators, sessions: Sessions, database: Database, ada: str
) -> None:
    token = (await sessions.sign_in(ada, PASSWORD, "203.0.113.1")).session
    with pytest.raises(NotSignedInError):
        await sessions.sign_in(ada, "wrong password", "203.0.113.9")
    await sessions.sign_out(token)
    rows = (await Audit(database).page()).rows[::-1]
    assert [(r.who, r.via, r.action, r.target, r.outcome) for r in rows] == [
        ("root", "operator.sock", "invite", "ada", "done"),
        ("root", "operator.sock", "set_password", "ada", "done"),
        ("ada", "web.sock", "sign_in", "ada", "done"),
        ("ada", "web.sock", "sign_in", "ada", "refused"),
        ("ada", "web.sock", "sign_out", "ada", "done"),
    ]
    assert rows[2].details == {"means": "password", "address": "203.0.113.1"}


async def test_the_audit_log_comes_in_pages_newest_first(operators: Operators, database: Database) -> None:
    for n in range(5):
        await operators.invite(ROOT, f"a{n}")
    first = (await Audit(database).page(limit=2)).rows
    rest = (await Audit(database).page(before=first[-1].id)).rows
    assert [r.target for r in first + rest] == ["a4", "a3", "a2", "a1", "a0"]
