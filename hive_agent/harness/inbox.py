"""Messages as core leases them: taken one at a time, renewed while they are worked on, settled when they are done.

One message wakes one turn: each is answered, counted and, after a crash, marked on its own. The model takes more
with `recv` when it wants to.
"""

import asyncio
import logging
from collections.abc import Sequence

from hive_agent.harness.core import Core
from hive_agent.harness.turns import ActiveTurn, automatic_key
from hive_agent.limits import cut_utf8
from hive_base.clock import Clock
from hive_rpc.errors import HiveError, InstanceReplacedError
from hive_rpc.interfaces.agent import IdsRequest, NackRequest, ReceiveRequest, SendRequest
from hive_rpc.types import MAX_BODY, OPERATOR, Message

log = logging.getLogger(__name__)

POLL_SECONDS = 50.0
POLL_MARGIN = 15.0
RENEWALS_PER_LEASE = 3


class Inbox:
    def __init__(self, core: Core, clock: Clock) -> None:
        self._core = core
        self._clock = clock
        self.lease_seconds = 60.0
        """As core's hello says."""
        self._receiving = asyncio.Lock()
        """One receive at a time: a second would say that we do not have what the first is just given."""

    async def take(self, wait_seconds: float) -> Message | None:
        """The oldest waiting message, or None when there is none for so long.

        Called between turns, when nothing is in hand. So core hands out again at once what it leased to us and what
        never got here, or was dropped on its way to a turn.
        """
        wait = min(wait_seconds, POLL_SECONDS)
        asking = ReceiveRequest(wait_seconds=wait, max=1, held=[])
        async with self._receiving:
            reply = await self._core.polls.call(lambda agent: agent.receive(asking), limit=wait + POLL_MARGIN)
        return next(iter(reply.messages), None)

    async def take_more(self, turn: ActiveTurn, wait_seconds: float, most: int) -> Sequence[Message]:
        """Further messages for a turn that runs, asked for once. Raises UnavailableError."""
        limit = wait_seconds + POLL_MARGIN
        async with self._receiving:
            asking = ReceiveRequest(wait_seconds=wait_seconds, max=most, held=turn.ids)
            reply = await self._core.polls.attempt(lambda agent: agent.receive(asking), limit=limit)
        return reply.messages

    async def keep(self, turn: ActiveTurn) -> None:
        """Renew the leases of a turn's messages, for as long as this runs."""
        while True:
            await self._clock.sleep(self.lease_seconds / RENEWALS_PER_LEASE)
            asking = IdsRequest(ids=turn.ids)
            try:
                reply = await self._core.calls.call(lambda agent, asking=asking: agent.renew(asking))  # type: ignore[misc]
            except HiveError as error:
                log.warning("The leases of %s cannot be renewed: %s", asking.ids, error.sentence())
                continue
            if lost := set(asking.ids) - set(reply.renewed):
                log.warning("The leases of %s are lost; these messages will come again", sorted(lost))

    async def ack(self, ids: Sequence[str]) -> None:
        asking = IdsRequest(ids=list(ids))
        reply = await self._core.calls.call(lambda agent: agent.ack(asking))
        if lost := set(ids) - set(reply.acked):
            log.warning("%s were done after their lease was lost; they will come again", sorted(lost))

    async def nack(self, ids: Sequence[str], reason: str, *, counted: bool = True) -> None:
        """Give messages back. Not `counted` when they are not to blame: then it was no attempt."""
        asking = NackRequest(ids=list(ids), reason=reason, counted=counted)
        await self._core.calls.call(lambda agent: agent.nack(asking))

    async def reply_automatically(self, message: Message, text: str) -> None:
        """Send a turn's last words to the sender of a message; at most once for a message, however often we try."""
        sending = SendRequest(
            to=message.sender,
            body=cut_utf8(text, MAX_BODY),
            key=automatic_key(message),
            in_reply_to=message.id,
            automatic=True,
        )
        try:
            await self._core.calls.call(lambda agent: agent.send(sending))
        except InstanceReplacedError:
            raise
        except HiveError as error:
            # The sender may be gone by now. Its message is done all the same.
            log.warning("The automatic reply to %s is refused: %s", message.id, error.sentence())

    async def tell_operator(self, about: str, text: str) -> None:
        """Say once what only a person can put right; `about` is what it is about."""
        sending = SendRequest(to=OPERATOR, body=cut_utf8(text, MAX_BODY), key=f"complaint-{about}", automatic=True)
        try:
            await self._core.calls.call(lambda agent: agent.send(sending))
        except InstanceReplacedError:
            raise
        except HiveError as error:
            # It is in the state that operators see, too.
            log.warning("The operator cannot be told: %s", error.sentence())
