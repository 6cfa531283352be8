"""What the model's tools do: they act in the turn that runs, so that the harness knows what was received and sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hive_agent.harness.core import Core
from hive_agent.harness.turns import ActiveTurn, Sent
from hive_rpc.errors import ConflictError, TimedOutError
from hive_rpc.interfaces.agent import NackRequest, ReceiveRequest, SendReply, SendRequest, WhoAmIReply
from hive_rpc.interfaces.runner import ToolReceiveReply, ToolReceiveRequest, ToolSendRequest
from hive_rpc.types import Empty

PATIENCE_SECONDS = 60.0
"""How long a tool waits for a core that is away before it says so to the model."""
POLL_MARGIN = 10.0


class Toolbox:
    """Holds the turn that runs, if one does."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.turn: ActiveTurn | None = None

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
        asking = ReceiveRequest(wait_seconds=request.wait_seconds, max=request.max)
        limit = request.wait_seconds + POLL_MARGIN
        reply = await self._core.polls.attempt(lambda agent: agent.receive(asking), limit=limit)
        if self.turn is not turn and reply.messages:
            late = NackRequest(ids=[m.id for m in reply.messages], reason="it came when the turn was over")
            await self._core.calls.call(lambda agent: agent.nack(late))
            raise ConflictError("The turn is over.")
        turn.messages.extend(reply.messages)
        return ToolReceiveReply(messages=reply.messages)

    async def who_am_i(self) -> WhoAmIReply:
        async with _patience():
            return await self._core.calls.call(lambda agent: agent.who_am_i(Empty()))

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
