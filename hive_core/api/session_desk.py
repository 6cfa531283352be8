"""`org.hive.Session` as core answers it: signing in and out on `web.sock`."""

from collections.abc import Callable

from hive_core.operators.sessions import Sessions
from hive_rpc.interfaces.session import (
    DescribeRequest,
    GreetReply,
    RedeemRequest,
    Session,
    SessionReply,
    SessionRequest,
    SignedInReply,
    SignInRequest,
)
from hive_rpc.types import Empty


class SessionDesk(Session):
    """The one place where a password or a one-time token becomes a session."""

    def __init__(self, sessions: Sessions, greeting: Callable[[], GreetReply]) -> None:
        self._sessions = sessions
        self._greeting = greeting

    async def greet(self, request: Empty) -> GreetReply:
        return self._greeting()

    async def redeem(self, request: RedeemRequest) -> SignedInReply:
        return await self._sessions.redeem(request.token, request.address)

    async def sign_in(self, request: SignInRequest) -> SignedInReply:
        return await self._sessions.sign_in(request.name, request.password, request.address)

    async def describe(self, request: DescribeRequest) -> SessionReply:
        return await self._sessions.describe(request.session, used=not request.background)

    async def sign_out(self, request: SessionRequest) -> Empty:
        await self._sessions.sign_out(request.session)
        return Empty()
