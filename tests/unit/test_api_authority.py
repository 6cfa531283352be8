"""Nothing behind an operator's socket runs before the caller has been admitted for that very method."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hive_core.api.authority import Gate, guarded, needed_role, shell_gate, web_gate
from hive_core.operators.audit import Actor
from hive_core.operators.operators import Operators
from hive_core.operators.passwords import Passwords
from hive_core.operators.scraper import Scraper
from hive_core.operators.sessions import Sessions
from hive_core.store import Database
from hive_rpc.errors import ForbiddenError, NotSignedInError
from hive_rpc.interface import Method, methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.server import Peer
from hive_rpc.types import Role
from tests.support.manual_clock import ManualClock

METHODS = list(methods(Operator).values())


class Reached(Exception):
    """The verbs were called."""


class Verbs(Operator):
    def __init__(self, actor: Actor) -> None:
        self.actor = actor


def _reaching(method: Method) -> Any:
    async def unary(self: Verbs, request: Any) -> Any:
        raise Reached(self.actor)

    async def stream(self: Verbs, request: Any) -> AsyncIterator[Any]:
        raise Reached(self.actor)
        yield

    return stream if method.streaming else unary


REACHING = type("Reaching", (Verbs,), {m.attribute: _reaching(m) for m in METHODS})


class HolderOf:
    def __init__(self, role: Role) -> None:
        self.role = role

    async def admit(self, request: OperatorRequest, method: Method) -> Actor:
        if not self.role.includes(needed_role(method)):
            raise ForbiddenError
        return Actor("somebody", "web.sock")

    async def still(self, request: OperatorRequest, method: Method) -> None:
        pass


async def call(gate: Gate, method: Method, session: str | None = None) -> None:
    answer = getattr(guarded(gate, REACHING), method.attribute)(OperatorRequest(session=session))
    if method.streaming:
        async for _ in answer:
            pass
    else:
        await answer


def test_every_operator_method_says_the_role_it_needs() -> None:
    assert all(m.role is not None for m in METHODS)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.wire_name)
@pytest.mark.parametrize("role", list(Role))
async def test_a_method_runs_for_its_role_and_those_above_and_for_nobody_else(method: Method, role: Role) -> None:
    assert method.role is not None
    with pytest.raises(Reached if role.includes(method.role) else ForbiddenError):
        await call(HolderOf(role), method)


async def test_the_shell_acts_as_the_user_whom_the_kernel_names() -> None:
    gate = shell_gate(Peer(pid=1, uid=0, gid=0))
    destroy = methods(Operator)["Destroy"]
    assert (await gate.admit(OperatorRequest(), destroy)).name == "root"
    stranger = shell_gate(Peer(pid=1, uid=54321, gid=0))
    assert (await stranger.admit(OperatorRequest(), destroy)).name == "uid 54321"


async def test_on_the_web_only_a_session_acts_and_only_within_its_role(tmp_path: Any) -> None:
    clock = ManualClock()
    async with Database(tmp_path / "core.sqlite", "core") as database:
        passwords = Passwords()
        sessions = Sessions(database, clock, passwords)
        invite = await Operators(database, clock, passwords).invite(Actor("root", "operator.sock"), "ann", Role.VIEWER)
        signed_in = await sessions.redeem(invite.token)
        gate = web_gate(sessions, Scraper())
        status = methods(Operator)["Status"]
        for stranger in (None, "", "forged", signed_in.session[:-1]):
            with pytest.raises(NotSignedInError):
                await call(gate, status, stranger)
        with pytest.raises(ForbiddenError):
            await call(gate, methods(Operator)["Stop"], signed_in.session)
        with pytest.raises(Reached, match="ann"):
            await call(gate, status, signed_in.session)
