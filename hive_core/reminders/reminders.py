"""The verbs of reminders, and the task that delivers them."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_core.alarm import Alarm
from hive_core.frames import fitting
from hive_core.operators.audit import Actor, Audit
from hive_core.rates import Rate, Rates
from hive_core.reminders.delivery import SQL, deliver
from hive_core.store import Database, from_ms, to_ms
from hive_rpc.dialogue import Reminder, ReminderCounts, ReminderRollupReply, RemindersReply, ReminderState
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError, RateLimitedError, TooLargeError
from hive_rpc.interfaces.agent import RemindRequest
from hive_rpc.types import Message

_LISTED = 200


@dataclass(frozen=True)
class ReminderPolicy:
    max_pending: int = 100
    """Of one agent."""
    max_bytes: int = 16 * 1024
    """UTF-8 in one reminder's message."""
    max_repeated_bytes: int = 2 * 1024
    """The same of one that repeats: each time it is stored anew, for weeks."""
    shortest_interval: timedelta = timedelta(minutes=1)
    furthest: timedelta = timedelta(days=366)
    rate: Rate = Rate(burst=20, per_second=1 / 30)  # noqa: RUF009 - frozen


class Reminders:
    """`known` names the agents there are; `announce` is the broker's, for messages that are stored. `run` delivers.

    `attempted` is told after each batch how many were delivered and how many failed.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        known: Callable[[], Collection[str]],
        announce: Callable[[Sequence[Message]], None],
        policy: ReminderPolicy = ReminderPolicy(),
        attempted: Callable[[int, int], None] = lambda delivered, failed: None,
    ) -> None:
        self._db = database
        self._clock = clock
        self._known = known
        self._announce = announce
        self._policy = policy
        self._attempted = attempted
        self._rates = Rates(clock, policy.rate)
        self._alarm = Alarm(clock, self.deliver)

    async def run(self) -> None:
        """Deliver what is due when it is due, until cancelled."""
        await self._alarm.run()

    async def deliver(self) -> datetime | None:
        """Deliver a batch of what is due by now, and say when the next is."""
        known, now = frozenset(self._known()), to_ms(self._clock.now())
        done = await self._db.write(lambda c: deliver(c, known, now))
        self._announce(done.messages)
        self._attempted(len(done.messages), done.failed)
        return from_ms(done.next_due_ms) if done.next_due_ms is not None else None

    async def remind(self, agent: str, request: RemindRequest) -> Reminder:
        """Raises InvalidError, TooLargeError, RateLimitedError, and ConflictError when too many are pending."""
        now = self._clock.now()
        due_at = self._due(request, now)
        self._check(agent, request)
        row = {
            "id": new_id("rem"),
            "agent": agent,
            "message": request.message,
            "now": to_ms(now),
            "due_at": to_ms(due_at),
            "every_ms": round(request.every_seconds * 1000) if request.every_seconds is not None else None,
            "key": request.key,
        }

        def write(connection: sqlite3.Connection) -> Reminder:
            earlier = connection.execute(SQL.by_key, {"agent": agent, "key": request.key}).fetchone()
            if earlier is not None:
                return _reminder(earlier)
            (pending,) = connection.execute(SQL.pending_count, {"agent": agent}).fetchone()
            if pending >= self._policy.max_pending:
                raise ConflictError(
                    f"{agent} has {pending} pending reminders, and more are not allowed.",
                    hint="Cancel some: list_reminders shows them.",
                )
            connection.execute(SQL.add, row)
            return _get(connection, str(row["id"]))

        reminder = await self._db.write(write)
        self._alarm.changed()
        return reminder

    async def page(self, agent: str | None = None, *, everything: bool = False) -> RemindersReply:
        """The pending ones by due time; with `everything` the newest of the others too."""
        parameters = {"agent": agent, "limit": _LISTED}

        def read(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(SQL.pending, parameters).fetchall()
            return rows + connection.execute(SQL.settled, parameters).fetchall() if everything else rows

        rows = await self._db.read(read)
        return RemindersReply(reminders=fitting(map(_reminder, rows[:_LISTED])))

    async def cancel(self, reminder_id: str, *, owner: str | None = None, actor: Actor | None = None) -> Reminder:
        """Call one off; of `owner` only, if given. An `actor` is audited. Raises NotFoundError, ConflictError."""
        return await self._change(reminder_id, "cancel", ReminderState.PENDING, owner, actor)

    async def retry(self, reminder_id: str, *, owner: str | None = None, actor: Actor | None = None) -> Reminder:
        """Make one that failed due now. Raises NotFoundError, ConflictError."""
        return await self._change(reminder_id, "retry", ReminderState.FAILED, owner, actor)

    async def rollup(self, since_seconds: float, agent: str | None = None) -> ReminderRollupReply:
        """How many were attempted, delivered and failed in the last `since_seconds`, by agent."""
        since = self._clock.now() - timedelta(seconds=min(since_seconds, 10 * 366 * 86400))
        rows = await self._db.read(lambda c: c.execute(SQL.rollup, {"since": to_ms(since), "agent": agent}).fetchall())
        counts = [
            ReminderCounts(
                agent=row["agent"],
                attempted=row["attempted"],
                delivered=row["delivered"],
                failed=row["attempted"] - row["delivered"],
            )
            for row in rows
        ]
        return ReminderRollupReply(since=since, agents=counts)

    async def _change(
        self, reminder_id: str, verb: str, expected: ReminderState, owner: str | None, actor: Actor | None
    ) -> Reminder:
        now = self._clock.now()
        query = SQL.cancel if verb == "cancel" else SQL.retry

        def write(connection: sqlite3.Connection) -> Reminder:
            before = _get(connection, reminder_id)
            if owner not in (None, before.agent):
                raise NotFoundError(f"There is no reminder {reminder_id}.")
            if before.state is not expected:
                raise ConflictError(f"The reminder {reminder_id} is {before.state}, not {expected}.")
            connection.execute(query, {"id": reminder_id, "now": to_ms(now)})
            if actor is not None:
                Audit.record(connection, now, actor, f"{verb}_reminder", reminder_id, details={"agent": before.agent})
            return _get(connection, reminder_id)

        reminder = await self._db.write(write)
        self._alarm.changed()
        return reminder

    def _due(self, request: RemindRequest, now: datetime) -> datetime:
        if request.in_seconds is not None and request.at is not None:
            raise InvalidError("Both in_seconds and at are given.", hint="Give one of them.")
        if request.at is not None:
            due_at = request.at
        elif request.in_seconds is not None or request.every_seconds is not None:
            seconds = request.in_seconds if request.in_seconds is not None else request.every_seconds
            due_at = now + timedelta(seconds=min(seconds or 0, 10 * 366 * 86400))
        else:
            raise InvalidError("It is not said when.", hint="Give in_seconds, at or every_seconds.")
        if due_at < now - timedelta(minutes=1):
            raise InvalidError(f"{due_at.isoformat()} is in the past; it is {now.isoformat(timespec='seconds')} now.")
        if due_at > now + self._policy.furthest:
            raise InvalidError(f"That is more than {self._policy.furthest.days} days away.")
        return due_at

    def _check(self, agent: str, request: RemindRequest) -> None:
        policy = self._policy
        size = len(request.message.encode(errors="replace"))
        if not request.message.strip():
            raise InvalidError("The reminder says nothing.", hint="Write what you will want to know.")
        what, limit = "reminder", policy.max_bytes
        if request.every_seconds is not None:
            what, limit = "repeated reminder", policy.max_repeated_bytes
        if size > limit:
            raise TooLargeError(
                f"The {what} has {size} bytes; {limit} is the limit.",
                hint="Write it into a file in your state directory and remind yourself of the file.",
                limit=limit,
            )
        shortest = policy.shortest_interval.total_seconds()
        if request.every_seconds is not None and not shortest <= request.every_seconds <= 366 * 86400:
            raise InvalidError(f"A reminder repeats every {shortest:g} seconds at most, and every 366 days at least.")
        wait = self._rates.take(agent)
        if wait > 0:
            raise RateLimitedError("Too many reminders are set.", hint=f"Wait {wait:.0f} s.", retry_after=wait)


def _get(connection: sqlite3.Connection, reminder_id: str) -> Reminder:
    row = connection.execute(SQL.get, {"id": reminder_id}).fetchone()
    if row is None:
        raise NotFoundError(f"There is no reminder {reminder_id}.", hint="list_reminders shows those there are.")
    return _reminder(row)


def _reminder(row: sqlite3.Row) -> Reminder:
    return Reminder(
        id=row["id"],
        agent=row["agent"],
        message=row["message"],
        state=ReminderState(row["state"]),
        created_at=from_ms(row["created_at"]),
        due_at=from_ms(row["due_at"]),
        every_seconds=row["every_ms"] / 1000 if row["every_ms"] is not None else None,
        deliveries=row["deliveries"],
        error=row["error"],
    )
