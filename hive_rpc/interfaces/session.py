"""`org.hive.Session`: signing in and out, on `web.sock` only. Core checks the password and mints the session."""

from hive_rpc.interface import Interface, rpc
from hive_rpc.types import Empty, Model, Role, Time


class RedeemRequest(Model):
    token: str
    """From a one-time link."""
    address: str = ""
    """Where the browser is, for the audit log."""


class SignInRequest(Model):
    name: str
    password: str
    address: str = ""


class SignedInReply(Model):
    session: str
    name: str
    role: Role
    expires_at: Time


class SessionRequest(Model):
    session: str


class DescribeRequest(SessionRequest):
    background: bool = False
    """Asked by a page on its own: the session does not count as used."""


class SessionReply(Model):
    name: str
    role: Role
    expires_at: Time


class GreetReply(Model):
    """What somebody who has not signed in may know."""

    name: str
    """What this hive is called."""
    stand_in: bool
    """The stand-in model answers."""


class Session(Interface, name="org.hive.Session", sockets=["web.sock"]):
    """Sessions of the dashboard."""

    @rpc()
    async def greet(self, request: Empty) -> GreetReply:
        """For the sign-in page, which like every page says when the stand-in model answers."""
        raise NotImplementedError

    @rpc()
    async def redeem(self, request: RedeemRequest) -> SignedInReply:
        """Sign in with a one-time link's token."""
        raise NotImplementedError

    @rpc()
    async def sign_in(self, request: SignInRequest) -> SignedInReply:
        """Sign in with a name and a password; rate-limited by name and address."""
        raise NotImplementedError

    @rpc()
    async def describe(self, request: DescribeRequest) -> SessionReply:
        """Whose session this is; `NotSignedIn` when it is nobody's."""
        raise NotImplementedError

    @rpc()
    async def sign_out(self, request: SessionRequest) -> Empty:
        """End a session."""
        raise NotImplementedError
