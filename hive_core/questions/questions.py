"""The verbs of questions, and the task that lets them expire."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_core.alarm import Alarm
from hive_core.broker.broker import Broker
from hive_core.frames import fitting
from hive_core.operators.audit import Actor, Audit
from hive_core.questions import rows
from hive_core.questions.rows import SQL
from hive_core.rates import Rate, Rates
from hive_core.store import Database, from_ms, to_ms
from hive_core.wakes import Wakes
from hive_rpc.dialogue import AskParameters, Question, QuestionState
from hive_rpc.errors import ConflictError, ForbiddenError, InvalidError, RateLimitedError, TooLargeError
from hive_rpc.types import EVERYONE, OPERATOR, SYSTEM, Message

_LISTED = 200
_EXPIRY_BATCH = 50
MAX_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class QuestionPolicy:
    max_open: int = 20
    """Of one asker."""
    max_bytes: int = 16 * 1024
    """UTF-8 in a question, and in an answer."""
    max_options: int = 20
    max_option_length: int = 500
    default_ttl: timedelta = timedelta(days=1)
    longest_ttl: timedelta = timedelta(days=30)
    rate: Rate = Rate(burst=20, per_second=1 / 30)  # noqa: RUF009 - frozen


class Questions:
    """Agents ask; an operator or the agent that is asked answers. `run` lets what is too old expire."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        broker: Broker,
        policy: QuestionPolicy = QuestionPolicy(),
    ) -> None:
        self._db = database
        self._clock = clock
        self._broker = broker
        self._policy = policy
        self._rates = Rates(clock, policy.rate)
        self._wakes = Wakes(clock)
        self._alarm = Alarm(clock, self.expire)

    async def run(self) -> None:
        """End what has expired when it expires, until cancelled."""
        await self._alarm.run()

    async def ask(self, asker: str, request: AskParameters) -> Question:
        """Put a question; an agent gets it as a message, an operator on the dashboard.

        Raises InvalidError, TooLargeError, RateLimitedError, ConflictError (too many are open), and what a message to
        the same recipient would raise.
        """
        self._check(asker, request)
        now = self._clock.now()
        ttl = timedelta(seconds=request.ttl_seconds) if request.ttl_seconds is not None else self._policy.default_ttl
        row = {
            "id": new_id("que"),
            "asker": asker,
            "addressee": request.to,
            "question": request.question,
            "options": json.dumps(request.options),
            "multi": request.multi,
            "now": to_ms(now),
            "expires_at": to_ms(now + ttl),
            "key": request.key,
        }

        def write(connection: sqlite3.Connection) -> tuple[Question, list[Message]]:
            earlier = connection.execute(SQL.by_key, {"asker": asker, "key": request.key}).fetchone()
            if earlier is not None:
                return rows.question(earlier), []
            (count,) = connection.execute(SQL.open_count, {"asker": asker}).fetchone()
            if count >= self._policy.max_open:
                raise ConflictError(
                    f"{asker} has {count} open questions, and more are not allowed.",
                    hint="Wait for answers, or cancel some: loose_ends lists them.",
                )
            connection.execute(SQL.add, row)
            asked = rows.get(connection, str(row["id"]))
            return asked, [] if asked.addressee == OPERATOR else rows.put(connection, asked, to_ms(now))

        asked, messages = await self._db.write(write)
        self._broker.announce(messages)
        self._alarm.changed()
        return asked

    async def await_end(self, asker: str, question_id: str, wait_seconds: float) -> Question:
        """The question as soon as it has ended, or as it is after the wait. Raises NotFoundError, ForbiddenError.

        The message that tells the asker of the end is settled when this returned it, unless it was received before.
        """
        deadline = self._clock.monotonic() + min(wait_seconds, MAX_WAIT_SECONDS)
        with self._wakes.listen(question_id) as woken:
            while True:
                asked = await self._db.read(lambda c: rows.get(c, question_id))
                if asked.asker != asker:
                    raise ForbiddenError(f"The question {question_id} is {asked.asker}'s.")
                if asked.state is not QuestionState.OPEN:
                    now = to_ms(self._clock.now())
                    await self._db.write(partial(_settle_notice, question_id=question_id, now_ms=now))
                    return asked
                remaining = deadline - self._clock.monotonic()
                if remaining <= 0:
                    return asked
                await self._wakes.wait(woken, remaining)

    async def answer(
        self, question_id: str, by: str, *, answer: str | None, choices: list[str], actor: Actor | None = None
    ) -> Question:
        """Answer as the agent `by`, or as an operator with an `actor`, which is audited.

        Raises NotFoundError, ForbiddenError (asked of somebody else), ConflictError (ended), InvalidError.
        """
        now = self._clock.now()
        if answer is not None and len(answer.encode(errors="replace")) > self._policy.max_bytes:
            raise TooLargeError(
                f"The answer is longer than {self._policy.max_bytes} bytes.",
                hint="Put it into a file in /shared and answer with the path.",
                limit=self._policy.max_bytes,
            )

        def write(connection: sqlite3.Connection) -> tuple[Question, list[Message]]:
            asked = rows.get(connection, question_id)
            if actor is None and by != asked.addressee:
                raise ForbiddenError(f"The question {question_id} is not put to {by}.")
            who = actor.name if actor is not None else by
            if (asked.resolved_by, asked.answer, asked.choices) == (who, answer, choices):
                # Said once more, because the reply was lost on its way.
                return asked, []
            _check_open(asked)
            _check_answer(asked, answer, choices)
            told = rows.resolve(
                connection, asked, QuestionState.ANSWERED, to_ms(now), by=who, answer=answer, choices=choices
            )
            if actor is not None:
                Audit.record(connection, now, actor, "answer", question_id, details={"asker": asked.asker})
            return rows.get(connection, question_id), told

        return self._end(await self._db.write(write))

    async def cancel(self, question_id: str, by: str, *, actor: Actor | None = None) -> Question:
        """Take it back as its asker `by`, or end it as an operator with an `actor`."""
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> tuple[Question, list[Message]]:
            asked = rows.get(connection, question_id)
            if actor is None and by != asked.asker:
                raise ForbiddenError(f"The question {question_id} is not {by}'s.")
            _check_open(asked)
            who = actor.name if actor is not None else by
            told = rows.resolve(connection, asked, QuestionState.CANCELLED, to_ms(now), by=who)
            if actor is not None:
                Audit.record(connection, now, actor, "cancel_question", question_id, details={"asker": asked.asker})
            return rows.get(connection, question_id), told

        return self._end(await self._db.write(write))

    async def expire(self) -> datetime | None:
        """End what has expired by now, and say when the next one does."""
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> tuple[list[Question], list[Message], int | None]:
            found = connection.execute(SQL.expired, {"now": now, "limit": _EXPIRY_BATCH}).fetchall()
            ended = [rows.question(row) for row in found]
            told = [
                m for asked in ended for m in rows.resolve(connection, asked, QuestionState.EXPIRED, now, by=SYSTEM)
            ]
            return ended, told, connection.execute(SQL.next_expiry).fetchone()[0]

        ended, told, next_ms = await self._db.write(write)
        for asked in ended:
            self._wakes.notify(asked.id)
        self._broker.announce(told)
        return from_ms(next_ms) if next_ms is not None else None

    async def page(self, addressee: str | None = None, *, everything: bool = False) -> list[Question]:
        """The open ones by age; with `everything` the newest of the others too."""
        parameters = {"addressee": addressee, "limit": _LISTED}

        def read(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            found = connection.execute(SQL.open, parameters).fetchall()
            return found + connection.execute(SQL.resolved, parameters).fetchall() if everything else found

        return fitting(rows.question(row) for row in (await self._db.read(read))[:_LISTED])

    async def open_of(self, agent: str) -> tuple[list[Question], list[Question]]:
        """What the agent has asked and what it owes an answer to."""

        def read(connection: sqlite3.Connection) -> tuple[list[sqlite3.Row], list[sqlite3.Row]]:
            asked = connection.execute(SQL.open_of_asker, {"asker": agent, "limit": _LISTED}).fetchall()
            owed = connection.execute(SQL.open_to, {"addressee": agent, "limit": _LISTED}).fetchall()
            return asked, owed

        asked, owed = await self._db.read(read)
        return fitting(map(rows.question, asked)), fitting(map(rows.question, owed))

    def _end(self, outcome: tuple[Question, list[Message]]) -> Question:
        ended, told = outcome
        # First whoever waits for this very question: they settle the message before anybody else is woken by it.
        self._wakes.notify(ended.id)
        self._broker.announce(told)
        return ended

    def _check(self, asker: str, request: AskParameters) -> None:
        policy = self._policy
        if request.to == EVERYONE:
            raise InvalidError("A question has one addressee.", hint="Send a message to everybody instead.")
        if request.to == asker:
            raise InvalidError("That would be a question to oneself.", hint="Use a reminder.")
        self._broker.resolve(asker, request.to)
        if not request.question.strip():
            raise InvalidError("The question is empty.")
        if len(request.question.encode(errors="replace")) > policy.max_bytes:
            raise TooLargeError(
                f"The question is longer than {policy.max_bytes} bytes.",
                hint="Put the details into a file in /shared and name the path.",
                limit=policy.max_bytes,
            )
        options = request.options
        if len(options) > policy.max_options or any(len(o) > policy.max_option_length for o in options):
            raise TooLargeError(
                f"{policy.max_options} options with {policy.max_option_length} characters each are the limit.",
                limit=policy.max_options,
            )
        if len(set(options)) != len(options) or not all(o.strip() for o in options) or len(options) == 1:
            raise InvalidError("Options are two or more, all different, none empty.")
        if request.ttl_seconds is not None and not 1 <= request.ttl_seconds <= policy.longest_ttl.total_seconds():
            raise InvalidError(f"A question lives for a second at least and {policy.longest_ttl.days} days at most.")
        wait = self._rates.take(asker)
        if wait > 0:
            raise RateLimitedError("Too many questions are asked.", hint=f"Wait {wait:.0f} s.", retry_after=wait)


def _settle_notice(connection: sqlite3.Connection, question_id: str, now_ms: int) -> None:
    connection.execute(SQL.settle_notice, {"id": question_id, "now": now_ms})


def _check_open(asked: Question) -> None:
    if asked.state is not QuestionState.OPEN:
        raise ConflictError(f"The question {asked.id} was {asked.state} already.")


def _check_answer(asked: Question, answer: str | None, choices: list[str]) -> None:
    if not asked.options:
        if choices:
            raise InvalidError("The question has no options.", hint="Answer in words.")
        if not (answer or "").strip():
            raise InvalidError("The answer is empty.")
        return
    wrong = [choice for choice in choices if choice not in asked.options]
    if wrong or not choices or len(set(choices)) != len(choices):
        raise InvalidError(f"The choice has to be among: {', '.join(asked.options)}.")
    if len(choices) > 1 and not asked.multi:
        raise InvalidError("Only one option may be chosen.")
