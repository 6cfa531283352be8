"""Who is calling on an operator's socket, and whether they may.

Every call goes through `guarded`: the role that the interface declares for the method is checked before any of its code
runs, and the code gets to know who called. A stream is checked again and again: it ends when its session does.
"""

import asyncio
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from hive_core.operators.audit import Actor
from hive_core.operators.scraper import ACTOR as SCRAPER
from hive_core.operators.scraper import Scraper
from hive_core.operators.sessions import Sessions
from hive_rpc.faults import ServiceError
from hive_rpc.interface import Method, methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.server import Peer
from hive_rpc.types import Role

RECHECK_SECONDS = 5.0
"""How long a stream may outlive its session."""
_METRICS = methods(Operator)["Metrics"]


class Gate(Protocol):
    """Says who makes a request. Raises NotSignedInError or ForbiddenError."""

    async def admit(self, request: OperatorRequest, method: Method) -> Actor:
        """Once, before the method runs."""

    async def still(self, request: OperatorRequest, method: Method) -> None:
        """While a stream is open."""


class _ShellGate:
    """`operator.sock`: its mode (0660 root:hive-operators) decided who gets here, and the kernel says who it is."""

    def __init__(self, who: str) -> None:
        self._actor = Actor(who, "operator.sock")

    async def admit(self, request: OperatorRequest, method: Method) -> Actor:
        return self._actor

    async def still(self, request: OperatorRequest, method: Method) -> None:
        """The connection is the caller's for as long as it is there."""


class _WebGate:
    """`web.sock`: hive-web is nobody; the session in each request is who acts."""

    def __init__(self, sessions: Sessions, scraper: Scraper) -> None:
        self._sessions = sessions
        self._scraper = scraper

    async def admit(self, request: OperatorRequest, method: Method) -> Actor:
        if method is _METRICS and self._scraper.holds(request.session):
            return SCRAPER
        role = needed_role(method)
        signed_in = await self._sessions.authorise(request.session, role, used=not request.background)
        if method.confirmed:
            await self._sessions.confirm(signed_in, request.password)
        return signed_in.actor

    async def still(self, request: OperatorRequest, method: Method) -> None:
        await self._sessions.authorise(request.session, needed_role(method), used=False)


def shell_gate(peer: Peer) -> Gate:
    try:
        return _ShellGate(pwd.getpwuid(peer.uid).pw_name)
    except KeyError:
        return _ShellGate(f"uid {peer.uid}")


def web_gate(sessions: Sessions, scraper: Scraper) -> Gate:
    return _WebGate(sessions, scraper)


def guarded(gate: Gate, verbs: Callable[[Actor], Operator], recheck: float = RECHECK_SECONDS) -> Operator:
    """An Operator that asks the gate about each call before `verbs` of whoever calls gets it."""
    guard: Operator = _GUARDED(gate, verbs, recheck)
    return guard


class _Guard(Operator):
    def __init__(self, gate: Gate, verbs: Callable[[Actor], Operator], recheck: float) -> None:
        self.gate = gate
        self.verbs = verbs
        self.recheck = recheck


def needed_role(method: Method) -> Role:
    if method.role is None:
        raise TypeError(f"{method.full_name} says no role, so nobody could call it")
    return method.role


def _verb(verbs: Operator, method: Method) -> Callable[[OperatorRequest], Any]:
    verb: Callable[[OperatorRequest], Any] = getattr(verbs, method.attribute)
    if hasattr(verb, "__rpc_role__"):
        # The interface's own method: as anywhere else it is said to be missing, after the caller was admitted.
        raise ServiceError("MethodNotImplemented", method=method.full_name)
    return verb


def _unary(method: Method) -> Callable[[_Guard, OperatorRequest], Awaitable[Any]]:
    needed_role(method)

    async def call(self: _Guard, request: OperatorRequest) -> Any:
        actor = await self.gate.admit(request, method)
        return await _verb(self.verbs(actor), method)(request)

    return call


def _streaming(method: Method) -> Callable[[_Guard, OperatorRequest], AsyncIterator[Any]]:
    needed_role(method)

    async def call(self: _Guard, request: OperatorRequest) -> AsyncIterator[Any]:
        actor = await self.gate.admit(request, method)
        stream = _verb(self.verbs(actor), method)(request)
        loop = asyncio.get_running_loop()
        due = loop.time() + self.recheck
        item: asyncio.Future[Any] | None = None
        try:
            while True:
                item = item or asyncio.ensure_future(anext(stream, _END))
                await asyncio.wait({item}, timeout=max(0.0, due - loop.time()))
                if loop.time() >= due:
                    await self.gate.still(request, method)
                    due = loop.time() + self.recheck
                if item.done():
                    got, item = item.result(), None
                    if got is _END:
                        return
                    yield got
        finally:
            if item is not None:
                item.cancel()
                await asyncio.wait({item})
            await stream.aclose()

    return call


_END = object()
_GUARDED = type(
    "GuardedOperator",
    (_Guard,),
    {m.attribute: _streaming(m) if m.streaming else _unary(m) for m in methods(Operator).values()},
)
