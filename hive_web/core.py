"""The way to core. The dashboard has no state of its own: what it shows comes from here, and core is asked each time
whether somebody may see it.

Most requests open their own connection to `web.sock` (about 0.2 ms) and close it at their end. So nothing is stale
after a restart of core, and no answer can be another request's: calls on one connection are answered in order.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from hive_base.clock import Clock
from hive_rpc.client import Client
from hive_rpc.dialogue import ReminderCounts
from hive_rpc.errors import ForbiddenError, InvalidError, NotSignedInError, UnavailableError
from hive_rpc.faults import said
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.dialogue import AgentReminderRollupRequest
from hive_rpc.interfaces.operator.look import LookHistory, LookReply
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.interfaces.session import DescribeRequest, Session
from hive_rpc.types import Role
from hive_web.look import Look, offered
from hive_web.mirror import Mirror

RequestT = TypeVar("RequestT", bound=OperatorRequest)

READ_SECONDS = 10.0
"""Core answers what a page needs in milliseconds; one that does not within this is as good as away."""
ASK_AN_ADMIN = "Ask an admin of this hive for the role."
SEE_ITS_UNIT = "On the hive's host, `systemctl status hive-core` says how it is."


@dataclass(frozen=True)
class Caller:
    """One signed-in person with a connection to core. Every call carries the token, and core decides."""

    client: Client
    token: str
    name: str
    role: Role
    mirror: Mirror

    @property
    def operator(self) -> Operator:
        return self.client.proxy(Operator)

    async def look(self) -> Look:
        return (await self.mirror.look(self.operator, self.token))[1]

    def ask(self, request: type[RequestT], **values: Any) -> RequestT:
        """A request with this person's session. Raises InvalidError for values that it does not take."""
        try:
            return request.model_validate({"session": self.token} | values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = " ".join(str(part) for part in first["loc"])
            raise InvalidError(f"{field.capitalize()}: {said(first)}.", hint="Go back and correct it.") from error

    def require_operator(self) -> None:
        """For a page that is only a form. Raises ForbiddenError; what the form asks for, core checks again."""
        if not self.may_act:
            raise ForbiddenError(f"That needs the role operator, and {self.name} is {self.role}.", hint=ASK_AN_ADMIN)

    def require_admin(self) -> None:
        """As `require_operator`, for the role admin."""
        if not self.may_manage:
            raise ForbiddenError(f"That needs the role admin, and {self.name} is {self.role}.", hint=ASK_AN_ADMIN)

    async def reminder_counts(self, agent: str, since_seconds: float) -> ReminderCounts | None:
        """How an agent's reminders did; None when it had none."""
        asked = self.ask(AgentReminderRollupRequest, agent=agent, since_seconds=since_seconds)
        rollup = await offered(self.operator.reminder_rollup(asked))
        return next((counts for counts in rollup.agents if counts.agent == agent), None) if rollup else None

    @property
    def may_manage(self) -> bool:
        return self.role.includes(Role.ADMIN)

    @property
    def may_act(self) -> bool:
        """What to offer. Whether it is allowed, core decides when it is asked for."""
        return self.role.includes(Role.OPERATOR)


class Core:
    """Core's `web.sock`."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self.mirror = Mirror(clock)
        self._line: Client | None = None
        self._connecting = asyncio.Lock()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """For signing in and out. Raises UnavailableError when core cannot be reached."""
        async with _time_limit(READ_SECONDS), _connected_to(self._path) as client:
            yield client.proxy(Session)

    @asynccontextmanager
    async def operator(self, time_limit: float | None = None) -> AsyncIterator[Operator]:
        """A connection of one's own, for a stream, or within so many seconds."""
        async with _time_limit(time_limit), _connected_to(self._path) as client:
            yield client.proxy(Operator)

    @asynccontextmanager
    async def caller(self, token: str | None, time_limit: float | None = READ_SECONDS) -> AsyncIterator[Caller]:
        """The person whose session this is. Raises NotSignedInError, or UnavailableError without core.

        `time_limit` (seconds) is for all that is asked here; None is for what takes as long as it takes.
        """
        if token is None:
            raise NotSignedInError
        async with _time_limit(time_limit), _connected_to(self._path) as client:
            who = await client.proxy(Session).describe(DescribeRequest(session=token))
            yield Caller(client=client, token=token, name=who.name, role=who.role, mirror=self.mirror)

    async def glance(
        self, token: str | None, history: LookHistory | None = None, within: float = 0
    ) -> tuple[Caller, Look, LookReply]:
        """Who this is and how the hive is, in one call on a connection that stays open: for pages that are asked for
        all the time. The reply says what is new in the history too. `within` is as in `Mirror.look`. Raises as
        `caller` does.

        Only for reading, and nothing that waits: calls of several people follow each other on that connection. Each
        carries its own session, and core decides on each.
        """
        if token is None:
            raise NotSignedInError
        try:
            async with _time_limit(READ_SECONDS):
                client = await self._connected()
                reply, look = await self.mirror.look(client.proxy(Operator), token, history=history, within=within)
        except UnavailableError:
            # What comes next is not to wait behind what was not answered.
            await self.close()
            raise
        caller = Caller(client=client, token=token, name=reply.name, role=reply.role, mirror=self.mirror)
        return caller, look, reply

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._line is None or self._line.closed:
                self._line = await _connect(self._path)
            return self._line


@asynccontextmanager
async def _time_limit(seconds: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnavailableError(f"Core did not answer within {seconds:g} s.", hint=SEE_ITS_UNIT) from error


@asynccontextmanager
async def _connected_to(path: Path) -> AsyncIterator[Client]:
    client = await _connect(path)
    try:
        yield client
    finally:
        await client.close()


async def _connect(path: Path) -> Client:
    try:
        return await Client.connect(path)
    except UnavailableError as error:
        raise UnavailableError(error.message, hint=SEE_ITS_UNIT) from error
