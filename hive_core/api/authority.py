"""Who is calling on an operator's socket, and whether they may.

Every call goes through `guarded`: the role that the interface declares for the method is checked before any of its code
runs, and the code gets to know who called.
"""

import pwd
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from hive_core.operators.audit import Actor
from hive_core.operators.sessions import Sessions
from hive_rpc.interface import Method, methods
from hive_rpc.interfaces.operator import Operator, OperatorRequest
from hive_rpc.server import Peer
from hive_rpc.types import Role

Gate = Callable[[OperatorRequest, Role], Awaitable[Actor]]
"""Says who makes a request that needs this role. Raises NotSignedInError or ForbiddenError."""


def shell_gate(peer: Peer) -> Gate:
    """`operator.sock`: its mode (0660 root:hive-operators) decided who gets here, and the kernel says who it is."""
    try:
        who = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        who = f"uid {peer.uid}"
    actor = Actor(who, "operator.sock")

    async def gate(request: OperatorRequest, role: Role) -> Actor:
        return actor

    return gate


def web_gate(sessions: Sessions) -> Gate:
    """`web.sock`: hive-web is nobody; the session in each request is who acts."""

    async def gate(request: OperatorRequest, role: Role) -> Actor:
        return (await sessions.authorise(request.session, role)).actor

    return gate


def guarded(gate: Gate, verbs: Callable[[Actor], Operator]) -> Operator:
    """An Operator that asks the gate about each call before `verbs` of whoever calls gets it."""
    guard: Operator = _GUARDED(gate, verbs)
    return guard


class _Guard(Operator):
    def __init__(self, gate: Gate, verbs: Callable[[Actor], Operator]) -> None:
        self.gate = gate
        self.verbs = verbs


def _needed(method: Method) -> Role:
    if method.role is None:
        raise TypeError(f"{method.full_name} says no role, so nobody could call it")
    return method.role


def _unary(method: Method) -> Callable[[_Guard, OperatorRequest], Awaitable[Any]]:
    role = _needed(method)

    async def call(self: _Guard, request: OperatorRequest) -> Any:
        actor = await self.gate(request, role)
        return await getattr(self.verbs(actor), method.attribute)(request)

    return call


def _streaming(method: Method) -> Callable[[_Guard, OperatorRequest], AsyncIterator[Any]]:
    role = _needed(method)

    async def call(self: _Guard, request: OperatorRequest) -> AsyncIterator[Any]:
        actor = await self.gate(request, role)
        stream = getattr(self.verbs(actor), method.attribute)(request)
        try:
            async for item in stream:
                yield item
        finally:
            await stream.aclose()

    return call


_GUARDED = type(
    "GuardedOperator",
    (_Guard,),
    {m.attribute: _streaming(m) if m.streaming else _unary(m) for m in methods(Operator).values()},
)
