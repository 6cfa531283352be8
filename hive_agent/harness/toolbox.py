"""What the model's tools do: they act in the turn that runs, so that the harness knows what was received and sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from hive_agent.harness.core import Core
from hive_agent.harness.inbox import Inbox
from hive_agent.harness.permits import Permits
from hive_agent.harness.turns import ActiveTurn, Sent
from hive_agent.limits import MAX_TURNS_IN_A_ROW
from hive_rpc.dialogue import AskParameters
from hive_rpc.errors import ConflictError, TimedOutError
from hive_rpc.interfaces.agent import (
    Agent,
    AskRequest,
    AwaitAnswerRequest,
    QuestionReply,
    ReminderReply,
    RemindRequest,
    SendReply,
    SendRequest,
)
from hive_rpc.interfaces.manager import Manager
from hive_rpc.interfaces.runner import (
    PermitReply,
    PermitRequest,
    RequestNextTurnReply,
    RequestNextTurnRequest,
    ToolReceiveReply,
    ToolReceiveRequest,
    ToolSendRequest,
)

R = TypeVar("R")

PATIENCE_SECONDS = 60.0
"""How long a tool waits for a core that is away before it says so to the model."""
POLL_MARGIN = 10.0
MANAGE_SECONDS = 180.0
"""How long a manager's call may take; an evaluation has two minutes."""


class Toolbox:
    """Holds the turn that runs, if one does."""

    def __init__(self, core: Core, inbox: Inbox, permits: Permits) -> None:
        self._core = core
        self._inbox = inbox
        self.permits = permits
        self.turn: ActiveTurn | None = None
        self.ask_seconds = 0.0
        """How long a question whether a tool may be used waits in this turn."""

    async def send(self, request: ToolSendRequest) -> SendReply:
        turn = self._turn()
        in_reply_to = request.in_reply_to or turn.thread(request.to)
        sending = SendRequest(
            to=request.to,
            body=request.body,
            in_reply_to=in_reply_to,
            key=turn.key(request.to, request.body, in_reply_to),
        )
        async with _patience():
            reply = await self._core.calls.call(lambda agent: agent.send(sending))
        turn.sent.append(Sent(request.to, in_reply_to))
        return reply

    async def receive(self, request: ToolReceiveRequest) -> ToolReceiveReply:
        turn = self._turn()
        messages = await self._inbox.take_more(turn, request.wait_seconds, request.max)
        if self.turn is not turn:
            # They are nobody's, and the next turn begins with them.
            raise ConflictError("The turn is over.")
        turn.messages.extend(messages)
        return ToolReceiveReply(messages=list(messages))

    async def ask(self, request: AskParameters) -> QuestionReply:
        turn = self._turn()
        what = f"ask\0{request.to}\0{request.question}"
        asking = AskRequest(**{**request.model_dump(), "key": turn.key_of(what)})
        reply = await self.relay(lambda agent: agent.ask(asking))
        turn.done[what] += 1
        return reply

    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        limit = request.wait_seconds + POLL_MARGIN
        return await self._core.polls.attempt(lambda agent: agent.await_answer(request), limit=limit)

    async def permit(self, request: PermitRequest) -> PermitReply:
        turn = self._turn()
        return await self.permits.permit(turn, request, seconds=self.ask_seconds)

    async def remind(self, request: RemindRequest) -> ReminderReply:
        turn = self._turn()
        what = f"remind\0{request.message}"
        setting = request.model_copy(update={"key": turn.key_of(what)})
        reply = await self.relay(lambda agent: agent.remind(setting))
        turn.done[what] += 1
        return reply

    def request_next_turn(self, request: RequestNextTurnRequest) -> RequestNextTurnReply:
        turn = self._turn()
        left = MAX_TURNS_IN_A_ROW - turn.followed - 1
        if left < 0:
            raise ConflictError(
                f"{MAX_TURNS_IN_A_ROW} turns in a row followed without a message, and more are not allowed.",
                hint="Note how far you are, set a reminder to go on later with `remind`, and end your turn.",
            )
        turn.next_note = request.note
        return RequestNextTurnReply(left=left)

    async def relay(self, call: Callable[[Agent], Awaitable[R]]) -> R:
        """Make a call that does no harm when it is made twice, for the turn that runs."""
        self._turn()
        async with _patience():
            return await self._core.calls.call(call)

    async def manage(self, call: Callable[[Manager], Awaitable[R]]) -> R:
        """Make a manager's call, once. Core may evaluate what is asked for first, which leases must not wait for."""
        self._turn()
        return await self._core.polls.attempt_as(Manager, call, limit=MANAGE_SECONDS)

    def _turn(self) -> ActiveTurn:
        if self.turn is None:
            raise ConflictError("No turn is running.", hint="End your turn.")
        return self.turn


@contextlib.asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError:
        raise TimedOutError(
            f"The hive has not answered for {PATIENCE_SECONDS:g} s.",
            hint="It may be restarting. Try once more in a while; the same message is not sent twice.",
        ) from None
