"""The way to core. The dashboard has no state of its own: what it shows comes from here, asked anew for each request.

Each request opens its own connection to `web.sock` (about 0.2 ms) and closes it at its end. So nothing is stale after
a restart of core, and no answer can be another request's: calls on one connection are answered in order.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hive_rpc.client import Client, connect
from hive_rpc.errors import ForbiddenError, NotSignedInError, UnavailableError
from hive_rpc.interfaces.operator import AgentStatus, Operator, OperatorRequest, StatusReply
from hive_rpc.interfaces.session import DescribeRequest, Session
from hive_rpc.types import Role

READ_SECONDS = 10.0
"""Core answers what a page needs in milliseconds; one that does not within this is as good as away."""
ASK_AN_ADMIN = "Ask an admin of this hive for the role."


@dataclass(frozen=True)
class Caller:
    """One signed-in person with a connection to core. Every call carries the token, and core decides."""

    client: Client
    token: str
    name: str
    role: Role

    @property
    def operator(self) -> Operator:
        return self.client.proxy(Operator)

    async def status(self) -> StatusReply:
        return await self.operator.status(OperatorRequest(session=self.token))

    def require_operator(self) -> None:
        """For a page that is only a form. Raises ForbiddenError; what the form asks for, core checks again."""
        if not self.may_act:
            raise ForbiddenError(f"That needs the role operator, and {self.name} is {self.role}.", hint=ASK_AN_ADMIN)

    @property
    def may_act(self) -> bool:
        """What to offer. Whether it is allowed, core decides when it is asked for."""
        return self.role.includes(Role.OPERATOR)


class Core:
    """Core's `web.sock`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """For signing in and out. Raises UnavailableError when core cannot be reached."""
        async with _time_limit(READ_SECONDS), connect(self._path) as client:
            yield client.proxy(Session)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Operator]:
        """A connection of one's own, for a stream."""
        async with connect(self._path) as client:
            yield client.proxy(Operator)

    @asynccontextmanager
    async def caller(self, token: str | None, time_limit: float | None = READ_SECONDS) -> AsyncIterator[Caller]:
        """The person whose session this is. Raises NotSignedInError, or UnavailableError without core.

        `time_limit` (seconds) is for all that is asked here; None is for what takes as long as it takes.
        """
        if token is None:
            raise NotSignedInError
        async with _time_limit(time_limit), connect(self._path) as client:
            who = await client.proxy(Session).describe(DescribeRequest(session=token))
            yield Caller(client=client, token=token, name=who.name, role=who.role)


@asynccontextmanager
async def _time_limit(seconds: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnavailableError(f"Core did not answer within {seconds:g} s.") from error


def find(status: StatusReply, name: str) -> AgentStatus | None:
    return next((agent for agent in status.agents if agent.name == name), None)
