"""The broker's verbs. Everything that decides anything is read from the table; memory only shortens waits."""

import difflib
import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

from hive_base.clock import Clock
from hive_core.alarm import Alarm
from hive_core.broker import leases, pages, sending
from hive_core.broker.pages import within
from hive_core.broker.policy import Policy
from hive_core.events.cutting import MAX_REASON, cut
from hive_core.operators.audit import Actor, Audit
from hive_core.rates import Rates
from hive_core.store import Database, from_ms, to_ms
from hive_core.wakes import Wakes
from hive_rpc.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    RateLimitedError,
    TimedOutError,
    TooLargeError,
    UnknownRecipientError,
)
from hive_rpc.interfaces.agent import RenewReply
from hive_rpc.types import EVERYONE, MAX_BODY, OPERATOR, SYSTEM, Message

_UNBOUNDED = (OPERATOR, SYSTEM)
"""Who sends as much as it likes."""


def _anybody(sender: str, recipient: str) -> bool:
    return True


def _ignore(_: Message) -> None:
    pass


class Broker:
    """Messages between agents and operators. `start` before anything else, then `run` in a task of its own.

    `recipients` names every agent that can be written to, running or not; `may_write` says whether the one may write
    to the other (an operator may always, and always be written to); `sent` is called on the loop for each message
    once it is on the disk, and must not block.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        recipients: Callable[[], Collection[str]],
        *,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        may_write: Callable[[str, str], bool] = _anybody,
        sent: Callable[[Message], None] = _ignore,
    ) -> None:
        self._db = database
        self._clock = clock
        self._recipients = recipients
        self._policy = policy
        self._may_write = may_write
        self._sent = sent
        self._rates = Rates(clock, policy.send_rate)
        self._bytes = Rates(clock, policy.byte_rate)
        self._hellos = Rates(clock, policy.hello_rate)
        self._wakes = Wakes(clock)
        self._lease_ms = round(policy.lease_seconds * 1000)

    @property
    def lease_seconds(self) -> float:
        return self._policy.lease_seconds

    async def start(self) -> None:
        """Give every lease one full term of grace, so that a turn that outlived core is not done twice."""
        expires = self._now() + self._lease_ms
        await self._db.write(lambda c: c.execute(sending.SQL.grace, {"expires_at": expires}).rowcount)

    async def run(self) -> None:
        """Return messages whose lease ran out, until cancelled."""
        # A lease made after this looked runs out a full term later at the earliest.
        await Alarm(self._clock, self.expire, max_sleep=self._policy.lease_seconds).run()

    async def expire(self) -> datetime | None:
        """Return what ran out by now, and say when the next lease does."""
        now, attempts = self._now(), self._policy.max_attempts
        agents, next_expiry = await self._db.write(lambda c: leases.expire_all(c, now, attempts))
        for agent in agents:
            self._wakes.notify(agent)
        return from_ms(next_expiry) if next_expiry is not None else None

    async def send(
        self,
        sender: str,
        to: str,
        body: str,
        *,
        key: str | None = None,
        in_reply_to: str | None = None,
        automatic: bool = False,
        actor: Actor | None = None,
    ) -> str:
        """Store a message and return its id when it is on the disk; a broadcast's id stands for all of its rows.

        With an `actor` (a person who sends as the operator) it is audited in the same transaction.
        Raises UnknownRecipientError, ForbiddenError, TooLargeError, RateLimitedError, InboxFullError, InvalidError,
        and ConflictError for a broadcast that nobody would get.
        """
        _check_body(body)
        draft = sending.Draft(
            sender=sender,
            recipients=self.resolve(sender, to),
            body=body,
            key=key,
            in_reply_to=in_reply_to,
            automatic=automatic,
            broadcast=to == EVERYONE,
        )
        self._check_rate(draft)
        max_unread = None if sender in _UNBOUNDED else self._policy.max_unread
        sent = await self._db.write(
            partial(_store, draft=draft, now=self._now(), max_unread=max_unread, actor=actor, to=to)
        )
        self.announce(sent.messages)
        return sent.id

    def announce(self, messages: Sequence[Message]) -> None:
        """Wake those who wait for messages that are on the disk now, and tell of them."""
        for message in messages:
            self._wakes.notify(message.recipient)
            self._sent(message)

    def wake(self, agent: str) -> None:
        """There may be something to receive."""
        self._wakes.notify(agent)

    async def hello(self, agent: str, instance: str) -> None:
        """Make this harness instance the current one; what an earlier one held is delivered again."""
        if not instance:
            raise InvalidError("A harness instance needs an id.")
        if (wait := self._hellos.take(agent)) > 0:
            raise RateLimitedError(f"{agent} says hello too often.", hint=f"Wait {wait:.0f} s.", retry_after=wait)
        now, attempts = self._now(), self._policy.max_attempts
        if await self._db.write(lambda c: leases.hello(c, agent, instance, now, attempts)):
            self._wakes.notify(agent)

    async def container_died(self, agent: str) -> None:
        """Return what the agent held; its harness instance is gone for good."""
        now, attempts = self._now(), self._policy.max_attempts
        await self._db.write(lambda c: leases.container_died(c, agent, now, attempts))
        self._wakes.notify(agent)

    async def receive(
        self,
        agent: str,
        instance: str | None,
        *,
        wait_seconds: float = 0,
        limit: int = 10,
        held: Collection[str] | None = None,
    ) -> list[Message]:
        """Lease the oldest waiting messages to the instance, waiting for a first one; empty when none came.

        `held` is what the instance knows that it has (see `ReceiveRequest`).
        """
        limit = within(limit, self._policy.max_receive)
        deadline = self._clock.monotonic() + min(wait_seconds, self._policy.max_wait_seconds)
        with self._wakes.listen(agent) as woken:
            while True:
                taken = await self._db.write(
                    partial(
                        leases.take,
                        agent=agent,
                        instance=instance,
                        limit=limit,
                        held=held,
                        now_ms=self._now(),
                        lease_ms=self._lease_ms,
                        max_attempts=self._policy.max_attempts,
                    )
                )
                remaining = deadline - self._clock.monotonic()
                if taken.messages or remaining <= 0:
                    return list(taken.messages)
                if taken.next_expiry_ms is not None:
                    remaining = min(remaining, max(0.05, (taken.next_expiry_ms - self._now()) / 1000))
                await self._wakes.wait(woken, remaining)

    async def renew(self, agent: str, instance: str | None, ids: Sequence[str]) -> RenewReply:
        """Extend leases by a full term from now."""
        expires = self._now() + self._lease_ms
        renewed = await self._db.write(lambda c: leases.renew(c, agent, instance, ids, expires))
        return RenewReply(renewed=renewed, expires_at=from_ms(expires))

    async def ack(self, agent: str, instance: str | None, ids: Sequence[str]) -> list[str]:
        """Settle messages; returns those that are done now or were before."""
        now = self._now()
        return await self._db.write(lambda c: leases.ack(c, agent, instance, ids, now))

    async def nack(
        self, agent: str, instance: str | None, ids: Sequence[str], reason: str, *, counted: bool = True
    ) -> None:
        """Give messages back to be delivered again; what is not leased to the instance is left alone."""
        now, attempts = self._now(), self._policy.max_attempts if counted else None
        said = cut(reason, MAX_REASON) or "It gave no reason."
        await self._db.write(lambda c: leases.nack(c, agent, instance, ids, said, now, attempts))
        self._wakes.notify(agent)

    async def unread(self, agent: str) -> int:
        """Messages that wait to be handed out."""
        return await self._db.read(lambda c: pages.unread(c, agent))

    async def unread_counts(self) -> dict[str, int]:
        """`unread` for every agent that has any."""
        return await self._db.read(
            lambda c: {row["recipient"]: row["count"] for row in c.execute(sending.SQL.unread_of_all)}
        )

    async def await_reply(self, message_id: str, wait_seconds: float) -> Message:
        """The first message to the sender of `message_id` that replies to it. Raises NotFoundError, TimedOutError."""
        asker = await self._db.read(lambda c: pages.sender_of(c, message_id))
        deadline = self._clock.monotonic() + wait_seconds
        with self._wakes.listen(asker) as woken:
            while True:
                reply = await self._db.read(lambda c: pages.reply(c, message_id, asker))
                if reply is not None:
                    return reply
                remaining = deadline - self._clock.monotonic()
                if remaining <= 0:
                    raise TimedOutError(
                        f"No reply to {message_id} within {wait_seconds:g} s.",
                        hint="The message is still there and will be answered; look with `hive messages`.",
                    )
                await self._wakes.wait(woken, remaining)

    def _now(self) -> int:
        return to_ms(self._clock.now())

    def resolve(self, sender: str, to: str) -> tuple[str, ...]:
        """Whom a message from `sender` to `to` would reach. Raises as `send` does."""
        if to == EVERYONE:
            everyone = tuple(n for n in sorted(self._recipients()) if n != sender and self.permits(sender, n))
            if not everyone:
                raise ConflictError("A broadcast would reach nobody: there is no other agent that you may write to.")
            return everyone
        if to == OPERATOR and sender != OPERATOR:
            return (OPERATOR,)
        known = self._recipients()
        if to not in known:
            names = sorted(known) if sender == OPERATOR else [OPERATOR, *sorted(known)]
            nearest = difflib.get_close_matches(to, names, n=1, cutoff=0.5)
            hint = f"Did you mean {nearest[0]}?" if nearest else f"There are: {', '.join(names) or 'none'}."
            raise UnknownRecipientError(f"There is no agent named {to!r}.", hint=hint)
        if not self.permits(sender, to):
            raise ForbiddenError(
                f"{sender} may not write to {to}.",
                hint="Its configuration says whom it may write to; ask the operator.",
            )
        return (to,)

    def permits(self, sender: str, recipient: str) -> bool:
        """Whether the one may write to the other."""
        return sender in (OPERATOR, SYSTEM, recipient) or self._may_write(sender, recipient)

    def _check_rate(self, draft: sending.Draft) -> None:
        if draft.sender in _UNBOUNDED:
            return
        wait = self._rates.take(draft.sender, len(draft.recipients))
        if wait > 0:
            raise RateLimitedError(
                f"{draft.sender} sends too many messages.",
                hint=f"Wait {wait:.0f} s, and say more in one message.",
                retry_after=wait,
            )
        wait = self._bytes.take(draft.sender, len(draft.recipients) * len(draft.body.encode()))
        if wait > 0:
            raise RateLimitedError(
                f"{draft.sender} sends too much.",
                hint=f"Wait {wait:.0f} s, or put it into a file in /shared and send the path.",
                retry_after=wait,
            )


def _store(
    connection: sqlite3.Connection,
    draft: sending.Draft,
    now: int,
    max_unread: int | None,
    actor: Actor | None,
    to: str,
) -> sending.Sent:
    sent = sending.store(connection, draft, now, max_unread=max_unread)
    if actor is not None and sent.messages:
        Audit.record(connection, from_ms(now), actor, "send", to, details={"id": sent.id})
    return sent


def _check_body(body: str) -> None:
    try:
        size = len(body.encode())
    except UnicodeEncodeError:
        raise InvalidError("The body is not valid Unicode text: it has half of a surrogate pair.") from None
    if size > MAX_BODY:
        raise TooLargeError(
            f"The body has {size} bytes; {MAX_BODY} is the limit.",
            hint="Put it into a file in /shared and send the path.",
            limit=MAX_BODY,
        )
    if not body.strip():
        raise InvalidError("The body is empty.", hint="Say something.")
