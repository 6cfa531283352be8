"""Every question has one definite end, and its asker is told of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from hive_core.broker import Broker
from hive_core.operators import Actor, Audit
from hive_core.questions import Questions
from hive_core.store import Database
from hive_rpc.dialogue import AskParameters, Question, QuestionState
from hive_rpc.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    TooLargeError,
    UnknownRecipientError,
)
from hive_rpc.types import EVERYONE, OPERATOR
from tests.support.manual_clock import ManualClock

AGENTS = {"worker", "writer", "manager"}
ADA = Actor("ada", "web.sock")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
async def broker(database: Database, clock: ManualClock) -> Broker:
    broker = Broker(database, clock, lambda: AGENTS)
    for agent in AGENTS:
        await broker.hello(agent, f"{agent}-1")
    return broker


@pytest.fixture
def questions(database: Database, clock: ManualClock, broker: Broker) -> Questions:
    return Questions(database, clock, broker)


async def ask(questions: Questions, **parameters: object) -> Question:
    return await questions.ask("worker", AskParameters.model_validate({"question": "May I?", **parameters}))


async def test_an_operators_answer_reaches_the_asker_as_a_message(
    questions: Questions, broker: Broker, database: Database
) -> None:
    asked = await ask(questions, options=["yes", "no"])
    assert (asked.addressee, asked.state) == (OPERATOR, QuestionState.OPEN)
    ended = await questions.answer(asked.id, OPERATOR, answer="go on", choices=["yes"], actor=ADA)
    assert (ended.state, ended.choices, ended.answer, ended.resolved_by) == ("answered", ["yes"], "go on", "ada")
    [message] = await broker.receive("worker", None)
    assert message.sender == "hive"
    assert message.body == f"Your question {asked.id} (May I?) was answered by ada.\n\nyes\n\ngo on"
    [row] = (await Audit(database).page()).rows
    assert (row.who, row.action, row.target) == ("ada", "answer", asked.id)


async def test_an_agent_gets_the_question_as_a_message_and_answers(questions: Questions, broker: Broker) -> None:
    asked = await ask(questions, to="writer", options=["red", "blue"], multi=True)
    [message] = await broker.receive("writer", None)
    assert message.sender == "worker"
    assert all(word in message.body for word in (asked.id, "May I?", "- red", "- blue", "`answer`"))
    await questions.answer(asked.id, "writer", answer=None, choices=["red", "blue"])
    [told] = await broker.receive("worker", None)
    assert told.body.endswith("was answered by writer.\n\nred, blue")


async def test_asking_again_with_the_same_key_is_the_same_question_also_when_it_has_ended(
    questions: Questions, broker: Broker
) -> None:
    asked = await ask(questions, to="writer", key="k")
    assert await ask(questions, to="writer", key="k") == asked
    assert len(await broker.receive("writer", None)) == 1
    ended = await questions.answer(asked.id, "writer", answer="yes", choices=[])
    assert await ask(questions, to="writer", key="k") == ended
    assert (await ask(questions, to="writer", key="another")).id != asked.id


async def test_the_same_answer_said_twice_is_one_answer(questions: Questions, broker: Broker) -> None:
    asked = await ask(questions, to="writer")
    ended = await questions.answer(asked.id, "writer", answer="yes", choices=[])
    assert await questions.answer(asked.id, "writer", answer="yes", choices=[]) == ended
    with pytest.raises(ConflictError):
        await questions.answer(asked.id, "writer", answer="no", choices=[])
    assert len(await broker.receive("worker", None)) == 1


async def test_whoever_waits_gets_the_answer_and_is_not_told_again(questions: Questions, broker: Broker) -> None:
    asked = await ask(questions)
    waiting = asyncio.ensure_future(questions.await_end("worker", asked.id, 60))
    await questions.page()
    await questions.answer(asked.id, OPERATOR, answer="yes", choices=[], actor=ADA)
    assert (await waiting).answer == "yes"
    assert await broker.receive("worker", None) == []


async def test_waiting_in_vain_leaves_it_open(questions: Questions) -> None:
    asked = await ask(questions)
    assert (await questions.await_end("worker", asked.id, 0)).state is QuestionState.OPEN
    with pytest.raises(ForbiddenError):
        await questions.await_end("writer", asked.id, 0)


async def test_only_the_addressee_or_an_operator_may_answer(questions: Questions) -> None:
    to_operator, to_writer = await ask(questions), await ask(questions, to="writer")
    for asked, by in ((to_operator, "worker"), (to_operator, "writer"), (to_writer, "worker"), (to_writer, "manager")):
        with pytest.raises(ForbiddenError):
            await questions.answer(asked.id, by, answer="yes", choices=[])
    ended = await questions.answer(to_writer.id, OPERATOR, answer="yes", choices=[], actor=ADA)
    assert ended.resolved_by == "ada"
    with pytest.raises(NotFoundError):
        await questions.answer("que_nothing", "writer", answer="yes", choices=[])


async def test_a_question_ends_once(questions: Questions) -> None:
    asked = await ask(questions)
    ends = await asyncio.gather(
        questions.answer(asked.id, OPERATOR, answer="yes", choices=[], actor=ADA),
        questions.answer(asked.id, OPERATOR, answer="no", choices=[], actor=ADA),
        questions.cancel(asked.id, "worker"),
        return_exceptions=True,
    )
    assert sorted(type(e).__name__ for e in ends) == ["ConflictError", "ConflictError", "Question"]


async def test_it_expires_at_its_time_and_the_asker_is_told(
    questions: Questions, broker: Broker, clock: ManualClock
) -> None:
    asked = await ask(questions, ttl_seconds=100)
    background = asyncio.ensure_future(questions.run())
    while not (messages := await broker.receive("worker", None)):
        await clock.advance(5)
    [message] = messages
    assert clock.monotonic() >= 100
    assert "had no answer from operator in time" in message.body
    assert (await questions.await_end("worker", asked.id, 0)).state is QuestionState.EXPIRED
    background.cancel()


async def test_a_cancelled_one_is_said_to_have_no_answer(questions: Questions, broker: Broker) -> None:
    mine, other = await ask(questions), await ask(questions)
    with pytest.raises(ForbiddenError):
        await questions.cancel(mine.id, "writer")
    await questions.cancel(mine.id, "worker")
    await questions.cancel(other.id, OPERATOR, actor=ADA)
    bodies = [m.body for m in await broker.receive("worker", None)]
    assert ["was cancelled by worker" in bodies[0], "was cancelled by ada" in bodies[1]] == [True, True]


async def test_what_is_asked_and_what_is_owed(questions: Questions) -> None:
    first, second = await ask(questions, to="writer"), await ask(questions)
    assert [[q.id for q in part] for part in await questions.open_of("worker")] == [[first.id, second.id], []]
    assert [[q.id for q in part] for part in await questions.open_of("writer")] == [[], [first.id]]
    await questions.cancel(first.id, "worker")
    assert [q.id for q in await questions.page()] == [second.id]
    assert [q.id for q in await questions.page("writer", everything=True)] == [first.id]


@pytest.mark.parametrize(
    ("answer", "choices"), [(None, []), ("yes", []), (None, ["maybe"]), (None, ["yes", "no"]), (None, ["yes", "yes"])]
)
async def test_an_answer_has_to_fit_the_options(questions: Questions, answer: str | None, choices: list[str]) -> None:
    asked = await ask(questions, options=["yes", "no"])
    with pytest.raises(InvalidError):
        await questions.answer(asked.id, OPERATOR, answer=answer, choices=choices, actor=ADA)


async def test_a_question_without_options_is_answered_in_words(questions: Questions) -> None:
    asked = await ask(questions)
    for answer, choices in ((None, []), (" ", []), ("yes", ["yes"])):
        with pytest.raises(InvalidError):
            await questions.answer(asked.id, OPERATOR, answer=answer, choices=choices, actor=ADA)


@pytest.mark.parametrize(
    "parameters",
    [
        {"question": " "},
        {"to": EVERYONE},
        {"to": "worker"},
        {"options": ["only one"]},
        {"options": ["same", "same"]},
        {"options": ["", "x"]},
        {"ttl_seconds": 0},
        {"ttl_seconds": 31 * 86400},
    ],
)
async def test_what_makes_no_sense_is_refused(questions: Questions, parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidError):
        await ask(questions, **parameters)


async def test_limits_are_said(questions: Questions, clock: ManualClock) -> None:
    with pytest.raises(UnknownRecipientError):
        await ask(questions, to="wirter")
    with pytest.raises(TooLargeError):
        await ask(questions, question="x" * 20_000)
    with pytest.raises(TooLargeError):
        await ask(questions, options=[str(n) for n in range(21)])
    for _ in range(20):
        await ask(questions)
    with pytest.raises(RateLimitedError):
        await ask(questions)
    await clock.advance(30)
    with pytest.raises(ConflictError, match="20 open questions"):
        await ask(questions)


def test_a_key_is_as_short_as_any_other() -> None:
    with pytest.raises(ValidationError):
        AskParameters(question="?", key="k" * 1000)
