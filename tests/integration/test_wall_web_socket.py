"""`web.sock` on a real socket: nothing of it does anything for somebody who may not, whatever they send."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from hive_core.api.authority import guarded, needed_role, web_gate
from hive_core.api.session_desk import SessionDesk
from hive_core.operators.audit import Actor
from hive_core.operators.operators import Operators
from hive_core.operators.passwords import Passwords
from hive_core.operators.scraper import Scraper
from hive_core.operators.sessions import Sessions
from hive_core.store import Database
from hive_rpc.client import Client, connect
from hive_rpc.errors import ForbiddenError, HiveError, NotSignedInError, RateLimitedError
from hive_rpc.interface import Interface, Method, methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import WatchReply, WatchRequest
from hive_rpc.interfaces.session import DescribeRequest, GreetReply, Session
from hive_rpc.server import Peer, Server
from hive_rpc.types import Role
from tests.support.manual_clock import ManualClock
from tests.support.samples import sample

METHODS = list(methods(Operator).values())
PASSWORD = "correct horse battery"
ROOT = Actor("root", "operator.sock")
DAY = 86400.0
SCRAPER = "0123456789abcdef" * 4


class Reached(HiveError):
    """The verbs were called."""


def _reaching(method: Method) -> Any:
    async def unary(self: Operator, request: Any) -> Any:
        raise Reached

    async def stream(self: Operator, request: Any) -> AsyncIterator[Any]:
        raise Reached
        yield

    return stream if method.streaming else unary


REACHING = type("Reaching", (Operator,), {m.attribute: _reaching(m) for m in METHODS})


class Watching(Operator):
    """A stream that says something at once and then never again."""

    async def watch(self, request: WatchRequest) -> AsyncIterator[WatchReply]:
        yield WatchReply(events=[], cursor=1)
        await asyncio.Event().wait()


@dataclass
class Door:
    path: Path
    clock: ManualClock
    operators: Operators
    sessions: Sessions

    async def signed_in(self, role: Role, name: str = "") -> str:
        name = name or role.value
        invite = await self.operators.invite(ROOT, name, role)
        await self.operators.set_password(ROOT, name, PASSWORD)
        return (await self.sessions.redeem(invite.token)).session

    async def call(self, method: Method, **given: Any) -> None:
        async with connect(self.path) as client:
            await _call(client, method, sample(method.request, **given))


async def _call(client: Client, method: Method, parameters: dict[str, Any]) -> None:
    answer = getattr(client.proxy(Operator), method.attribute)(method.request.model_validate(parameters))
    if method.streaming:
        async for _ in answer:
            pass
    else:
        await answer


@asynccontextmanager
async def door(tmp_path: Path, verbs: Any = REACHING, recheck: float = 5) -> AsyncIterator[Door]:
    clock = ManualClock()
    async with Database(tmp_path / "core.sqlite", "core") as database:
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        sessions = Sessions(database, clock, passwords)

        def handlers(peer: Peer) -> Sequence[Interface]:
            desk = SessionDesk(sessions, lambda: GreetReply(name="meadow", stand_in=False))
            return [guarded(web_gate(sessions, Scraper(SCRAPER)), lambda actor: verbs(), recheck), desk]

        server = Server(handlers)
        await server.listen(tmp_path / "web.sock")
        try:
            yield Door(tmp_path / "web.sock", clock, Operators(database, clock, passwords), sessions)
        finally:
            await server.close()


async def test_no_method_answers_without_a_session(tmp_path: Path) -> None:
    async with door(tmp_path) as site:
        real = await site.signed_in(Role.ADMIN)
        forged = [None, "", "forged", real[:-1], real + "x", real.swapcase(), f" {real}", "\0", "a" * 100_000, "é"]
        for method in METHODS:
            for session in forged:
                with pytest.raises(NotSignedInError):
                    await site.call(method, session=session, password=PASSWORD)
            with pytest.raises(HiveError) as reached:
                await site.call(method, session=real, password=PASSWORD)
            assert reached.value.message == Reached().message, method.wire_name


async def test_the_scraper_s_token_is_for_the_metrics_alone(tmp_path: Path) -> None:
    async with door(tmp_path) as site:
        for method in METHODS:
            with pytest.raises(HiveError) as said:
                await site.call(method, session=SCRAPER, password=PASSWORD)
            reached = said.value.message == Reached().message
            assert reached == (method.wire_name == "Metrics"), method.wire_name
            assert reached or isinstance(said.value, NotSignedInError)
        async with connect(site.path) as client:
            with pytest.raises(NotSignedInError):
                await client.proxy(Session).describe(DescribeRequest(session=SCRAPER))


async def test_no_method_answers_a_lower_role(tmp_path: Path) -> None:
    async with door(tmp_path) as site:
        sessions = {role: await site.signed_in(role) for role in Role}
        for method in METHODS:
            for role, session in sessions.items():
                allowed = role.includes(needed_role(method))
                with pytest.raises(HiveError) as said:
                    await site.call(method, session=session, password=PASSWORD)
                assert isinstance(said.value, ForbiddenError) != allowed, (method.wire_name, role)


async def test_no_method_answers_a_session_that_is_over(tmp_path: Path) -> None:
    async with door(tmp_path) as site:
        idle = await site.signed_in(Role.ADMIN, "idle")
        signed_out = await site.signed_in(Role.ADMIN, "out")
        await site.sessions.sign_out(signed_out)
        await site.clock.advance(DAY)
        for method in METHODS:
            for session in (idle, signed_out):
                with pytest.raises(NotSignedInError):
                    await site.call(method, session=session, password=PASSWORD)


@pytest.mark.parametrize("method", [m for m in METHODS if m.confirmed], ids=lambda m: m.wire_name)
async def test_what_a_stolen_session_must_not_do_needs_the_password(tmp_path: Path, method: Method) -> None:
    async with door(tmp_path) as site:
        session = await site.signed_in(Role.ADMIN)
        for password in (None, "", "wrong", PASSWORD.upper()):
            with pytest.raises(ForbiddenError):
                await site.call(method, session=session, password=password)
        with pytest.raises(HiveError) as reached:
            await site.call(method, session=session, password=PASSWORD)
        assert reached.value.message == Reached().message
        for _ in range(5):
            with pytest.raises((ForbiddenError, RateLimitedError)):
                await site.call(method, session=session, password="a guess")
        with pytest.raises(RateLimitedError):
            await site.call(method, session=session, password=PASSWORD)


def test_purge_operators_and_accounts_are_among_them() -> None:
    confirmed = {m.wire_name for m in METHODS if m.confirmed}
    assert {"Purge", "Invite", "SetPassword", "SetRole", "RemoveOperator", "ChangePassword"} <= confirmed
    assert {"AddAccount", "RemoveAccount", "UseAccount", "BeginLogin", "FinishLogin", "SetCaps"} <= confirmed


def test_every_method_that_changes_something_needs_more_than_looking() -> None:
    """What a viewer may call is a closed list: a method that is new is put here by somebody who has thought of it."""
    reading = {m.wire_name for m in METHODS if needed_role(m) is Role.VIEWER}
    own = {"ChangePassword", "RevokeSession"}
    told = {"AwaitReply", "AwaitJob", "Doctor", "Watch", "Logs", "Metrics"}
    nouns = {
        "Status", "Look", "Today", "Stats", "AgentCommands", "Messages", "Conversation", "Thread", "Search", "Events",
        "Questions", "Reminders",
        "ReminderRollup", "LooseEnds", "DeadLetters", "Accounts", "Spending", "EgressLog", "Audit", "Sessions",
        "ListAgentFiles", "ReadAgentFile", "ReadLog", "Approvals", "ShowApproval", "Jobs", "ShowJob", "Config",
        "ConfigLog", "ConfigDiff", "ReadAgentConfig", "Inputs", "Tombstones",
    }  # fmt: skip
    assert reading - own - told - nouns == set()


async def test_a_stream_ends_when_its_session_does(tmp_path: Path) -> None:
    async with door(tmp_path, verbs=Watching, recheck=0.01) as site, connect(site.path) as client:
        session = await site.signed_in(Role.VIEWER)
        stream = client.proxy(Operator).watch(WatchRequest(session=session))
        assert (await anext(stream)).cursor == 1
        await site.sessions.sign_out(session)
        with pytest.raises(NotSignedInError):
            async with asyncio.timeout(10):
                await anext(stream)


def test_signing_in_is_all_that_needs_no_session() -> None:
    assert set(methods(Session)) == {"Greet", "Redeem", "SignIn", "Describe", "SignOut"}
