"""Agents and operators over real sockets: every method of the interfaces is there, and each sees what is its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from hive_core.api.dialogue import AgentDialogue, Dialogue, OperatorDialogue
from hive_core.approvals.approvals import Approvals, Request
from hive_core.approvals.telling import AGENT_SOCKET
from hive_core.broker import Broker, DeadLetters, History
from hive_core.notes import Notes
from hive_core.operators import Actor
from hive_core.questions import Questions
from hive_core.reminders import Reminders
from hive_core.store import Database
from hive_rpc.client import connect
from hive_rpc.configuration import DestroyPayload
from hive_rpc.errors import ForbiddenError, InvalidError, NotFoundError, RateLimitedError, TooLargeError
from hive_rpc.interfaces.agent import (
    Agent,
    AnswerRequest,
    AskRequest,
    ListRemindersRequest,
    ReadThreadRequest,
    ReminderRequest,
    ReminderRollupRequest,
    RemindRequest,
    SearchMessagesRequest,
    SetStatusRequest,
)
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.dialogue import (
    AgentReminderRollupRequest,
    AgentRemindersRequest,
    AnswerQuestionRequest,
    QuestionsRequest,
)
from hive_rpc.interfaces.operator.messages import (
    ConversationRequest,
    DeadLettersChoice,
    DeadLettersRequest,
    MessagesRequest,
    SearchRequest,
    ThreadRequest,
)
from hive_rpc.interfaces.operator.request import AgentRequest, IdRequest
from hive_rpc.server import Server
from hive_rpc.types import OPERATOR, Empty
from tests.support.manual_clock import ManualClock

AGENTS = ("worker", "writer")


async def check_known(name: str) -> None:
    if name not in (*AGENTS, OPERATOR):
        raise NotFoundError(f"There is no agent {name}.")


@pytest.fixture
async def dialogue(tmp_path: Path) -> AsyncIterator[Dialogue]:
    clock = ManualClock()
    async with Database(tmp_path / "core.sqlite", "core") as database:
        broker = Broker(database, clock, lambda: AGENTS)
        yield Dialogue(
            broker=broker,
            history=History(database),
            dead_letters=DeadLetters(database, clock, broker.wake),
            questions=Questions(database, clock, broker),
            reminders=Reminders(database, clock, lambda: AGENTS, broker.announce),
            notes=Notes(database, clock, lambda agent, event: None),
            approvals=Approvals(database, clock, announce=broker.announce, queued=lambda: None),
            check_known=check_known,
        )


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def agent(stack: AsyncExitStack, dialogue: Dialogue, directory: Path, name: str) -> Agent:
    server = Server(lambda peer: [AgentDialogue(name, dialogue)])
    await server.listen(directory / f"{name}.sock", mode=0o600)
    stack.push_async_callback(server.close)
    return (await stack.enter_async_context(connect(directory / f"{name}.sock"))).proxy(Agent)


async def operator(stack: AsyncExitStack, dialogue: Dialogue, directory: Path) -> Operator:
    server = Server(lambda peer: [OperatorDialogue(dialogue, Actor("ada", "operator.sock"))])
    await server.listen(directory / "operator.sock", mode=0o600)
    stack.push_async_callback(server.close)
    return (await stack.enter_async_context(connect(directory / "operator.sock"))).proxy(Operator)


async def test_asking_and_answering(dialogue: Dialogue, stack: AsyncExitStack, tmp_path: Path) -> None:
    worker = await agent(stack, dialogue, tmp_path, "worker")
    writer = await agent(stack, dialogue, tmp_path, "writer")
    ada = await operator(stack, dialogue, tmp_path)
    to_ada = (await worker.ask(AskRequest(question="Deploy?", options=["yes", "no"]))).question
    to_writer = (await worker.ask(AskRequest(question="Which font?", to="writer"))).question
    assert [q.id for q in (await ada.questions(QuestionsRequest())).questions] == [to_ada.id, to_writer.id]
    with pytest.raises(ForbiddenError):
        await writer.answer(AnswerRequest(id=to_ada.id, choices=["yes"]))
    await ada.answer_question(AnswerQuestionRequest(id=to_ada.id, choices=["no"]))
    await writer.answer(AnswerRequest(id=to_writer.id, answer="A serif."))
    later = (await writer.ask(AskRequest(question="And now?", to="worker"))).question
    ends = await worker.loose_ends(Empty())
    assert ([q.id for q in ends.asked], [q.id for q in ends.owed], ends.unread) == ([], [later.id], 3)
    assert await ada.loose_ends(AgentRequest(name="worker")) == ends
    proposal = Request(agent="writer", payload=DestroyPayload(), reason="it is done")
    proposed = await dialogue.approvals.ask(Actor("worker", AGENT_SOCKET), proposal)
    assert (await worker.loose_ends(Empty())).approvals == [proposed]
    assert (await writer.loose_ends(Empty())).approvals == []
    cancelled = await ada.cancel_question(IdRequest(id=later.id))
    assert cancelled.question.resolved_by == "ada"


async def test_reminding(dialogue: Dialogue, stack: AsyncExitStack, tmp_path: Path) -> None:
    worker = await agent(stack, dialogue, tmp_path, "worker")
    writer = await agent(stack, dialogue, tmp_path, "writer")
    ada = await operator(stack, dialogue, tmp_path)
    mine = (await worker.remind(RemindRequest(message="look again", in_seconds=0))).reminder
    other = (await worker.remind(RemindRequest(message="later", in_seconds=3600))).reminder
    assert (await writer.list_reminders(ListRemindersRequest(all=True))).reminders == []
    with pytest.raises(NotFoundError):
        await writer.cancel_reminder(ReminderRequest(id=other.id))
    await dialogue.reminders.deliver()
    assert [r.id for r in (await ada.reminders(AgentRemindersRequest())).reminders] == [other.id]
    await ada.cancel_reminder(IdRequest(id=other.id))
    listed = (await worker.list_reminders(ListRemindersRequest(all=True))).reminders
    assert {r.id: r.state for r in listed} == {mine.id: "delivered", other.id: "cancelled"}
    assert (await worker.reminder_rollup(ReminderRollupRequest(since_seconds=60))).agents[0].delivered == 1
    assert (await writer.reminder_rollup(ReminderRollupRequest(since_seconds=60))).agents == []
    everyone = await ada.reminder_rollup(AgentReminderRollupRequest(since_seconds=60))
    assert [c.agent for c in everyone.agents] == ["worker"]


async def test_reading_back(dialogue: Dialogue, stack: AsyncExitStack, tmp_path: Path) -> None:
    worker = await agent(stack, dialogue, tmp_path, "worker")
    writer = await agent(stack, dialogue, tmp_path, "writer")
    ada = await operator(stack, dialogue, tmp_path)
    first = await dialogue.broker.send("operator", "worker", "a private matter")
    await dialogue.broker.send("worker", "operator", "understood", in_reply_to=first)
    assert len((await worker.read_thread(ReadThreadRequest(id=first))).messages) == 2
    with pytest.raises(NotFoundError):
        await writer.read_thread(ReadThreadRequest(id=first))
    assert len((await worker.search_messages(SearchMessagesRequest(query="private"))).messages) == 1
    assert (await writer.search_messages(SearchMessagesRequest(query="private"))).messages == []
    assert len((await ada.thread(ThreadRequest(id=first))).messages) == 2
    assert len((await ada.search(SearchRequest(query="private"))).messages) == 1
    assert (await ada.search(SearchRequest(query="private", agent="writer"))).messages == []
    assert len((await ada.conversation(ConversationRequest(one="worker", other="operator"))).messages) == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda core, name: core.messages(MessagesRequest(agent=name)),
        lambda core, name: core.conversation(ConversationRequest(one=OPERATOR, other=name)),
        lambda core, name: core.search(SearchRequest(query="word", agent=name)),
        lambda core, name: core.dead_letters(DeadLettersRequest(agent=name)),
        lambda core, name: core.questions(QuestionsRequest(addressee=name)),
        lambda core, name: core.reminders(AgentRemindersRequest(agent=name)),
        lambda core, name: core.reminder_rollup(AgentReminderRollupRequest(agent=name, since_seconds=60)),
        lambda core, name: core.loose_ends(AgentRequest(name=name)),
    ],
)
async def test_nothing_is_said_of_an_agent_that_there_never_was(
    dialogue: Dialogue, ask: Callable[[Operator, str], Awaitable[Any]]
) -> None:
    ada = OperatorDialogue(dialogue, Actor("ada", "operator.sock"))
    for name in ("worker", OPERATOR):
        await ask(ada, name)
    with pytest.raises(NotFoundError):
        await ask(ada, "ghost")


async def test_saying_what_one_is_at(dialogue: Dialogue, stack: AsyncExitStack, tmp_path: Path) -> None:
    worker = await agent(stack, dialogue, tmp_path, "worker")
    await worker.set_status(SetStatusRequest(text="Reading  the\nsources"))
    assert {name: note.text for name, note in (await dialogue.notes.all()).items()} == {"worker": "Reading the sources"}
    with pytest.raises(TooLargeError):
        await worker.set_status(SetStatusRequest(text="x" * 201))
    await worker.set_status(SetStatusRequest(text=""))
    assert await dialogue.notes.all() == {}
    for _ in range(18):
        await worker.set_status(SetStatusRequest(text="again"))
    with pytest.raises(RateLimitedError):
        await worker.set_status(SetStatusRequest(text="once more"))


async def test_dead_letters(dialogue: Dialogue, stack: AsyncExitStack, tmp_path: Path) -> None:
    ada = await operator(stack, dialogue, tmp_path)
    await dialogue.broker.hello("worker", "w1")
    sent = await dialogue.broker.send("operator", "worker", "poison")
    for _ in range(5):
        await dialogue.broker.receive("worker", "w1")
        await dialogue.broker.nack("worker", "w1", [sent], "no")
    [letter] = (await ada.dead_letters(DeadLettersRequest())).letters
    assert (letter.message.id, letter.reason) == (sent, "no")
    with pytest.raises(InvalidError):
        await ada.resend_dead_letters(DeadLettersChoice())
    with pytest.raises(InvalidError):
        await ada.resend_dead_letters(DeadLettersChoice(ids=[sent], all=True))
    assert (await ada.resend_dead_letters(DeadLettersChoice(ids=[sent]))).count == 1
    assert (await ada.drop_dead_letters(DeadLettersChoice(all=True))).count == 0
