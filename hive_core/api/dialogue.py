"""The part of the agents' and the operators' interfaces that is about what they say to each other."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hive_core.approvals import Approvals
from hive_core.broker import Broker, DeadLetters, History
from hive_core.notes import Notes
from hive_core.operators.audit import Actor
from hive_core.questions import Questions
from hive_core.reminders import Reminders
from hive_rpc.dialogue import FoundMessages, LooseEndsReply, ReminderRollupReply, RemindersReply
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.agent import (
    Agent,
    AnswerRequest,
    AskRequest,
    AwaitAnswerRequest,
    ListRemindersRequest,
    QuestionReply,
    QuestionRequest,
    ReadThreadRequest,
    ReminderReply,
    ReminderRequest,
    ReminderRollupRequest,
    RemindRequest,
    SearchMessagesRequest,
    SetStatusRequest,
)
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.dialogue import (
    AgentReminderReply,
    AgentReminderRollupRequest,
    AgentRemindersRequest,
    AnswerQuestionRequest,
    OperatorQuestionReply,
    QuestionsReply,
    QuestionsRequest,
)
from hive_rpc.interfaces.operator.messages import (
    ConversationRequest,
    CountReply,
    DeadLettersChoice,
    DeadLettersReply,
    DeadLettersRequest,
    MessagesReply,
    MessagesRequest,
    SearchRequest,
    ThreadRequest,
)
from hive_rpc.interfaces.operator.request import AgentRequest, IdRequest
from hive_rpc.types import OPERATOR, Empty


@dataclass(frozen=True)
class Dialogue:
    """What these verbs work with."""

    broker: Broker
    history: History
    dead_letters: DeadLetters
    questions: Questions
    reminders: Reminders
    notes: Notes
    approvals: Approvals
    check_known: Callable[[str], Awaitable[None]]
    """Raises NotFoundError for a name that nobody has or had: nothing found is no answer to a slip of the pen."""

    async def loose_ends(self, agent: str) -> LooseEndsReply:
        asked, owed = await self.questions.open_of(agent)
        return LooseEndsReply(
            asked=asked,
            owed=owed,
            reminders=(await self.reminders.page(agent)).reminders,
            approvals=await self.approvals.pending_of(agent),
            unread=await self.broker.unread(agent),
        )


class AgentDialogue(Agent):
    """Acts for the agent `name`, who sees only what is its own."""

    def __init__(self, name: str, dialogue: Dialogue) -> None:
        self._name = name
        self._dialogue = dialogue

    async def set_status(self, request: SetStatusRequest) -> Empty:
        await self._dialogue.notes.set(self._name, request.text)
        return Empty()

    async def ask(self, request: AskRequest) -> QuestionReply:
        asked = await self._dialogue.questions.ask(self._name, request)
        if request.wait_seconds > 0:
            asked = await self._dialogue.questions.await_end(self._name, asked.id, request.wait_seconds)
        return QuestionReply(question=asked)

    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        asked = await self._dialogue.questions.await_end(self._name, request.id, request.wait_seconds)
        return QuestionReply(question=asked)

    async def answer(self, request: AnswerRequest) -> QuestionReply:
        answered = await self._dialogue.questions.answer(
            request.id, self._name, answer=request.answer, choices=request.choices
        )
        return QuestionReply(question=answered)

    async def cancel_question(self, request: QuestionRequest) -> QuestionReply:
        return QuestionReply(question=await self._dialogue.questions.cancel(request.id, self._name))

    async def remind(self, request: RemindRequest) -> ReminderReply:
        return ReminderReply(reminder=await self._dialogue.reminders.remind(self._name, request))

    async def list_reminders(self, request: ListRemindersRequest) -> RemindersReply:
        return await self._dialogue.reminders.page(self._name, everything=request.all)

    async def cancel_reminder(self, request: ReminderRequest) -> ReminderReply:
        return ReminderReply(reminder=await self._dialogue.reminders.cancel(request.id, owner=self._name))

    async def retry_reminder(self, request: ReminderRequest) -> ReminderReply:
        return ReminderReply(reminder=await self._dialogue.reminders.retry(request.id, owner=self._name))

    async def reminder_rollup(self, request: ReminderRollupRequest) -> ReminderRollupReply:
        return await self._dialogue.reminders.rollup(request.since_seconds, self._name)

    async def loose_ends(self, request: Empty) -> LooseEndsReply:
        return await self._dialogue.loose_ends(self._name)

    async def read_thread(self, request: ReadThreadRequest) -> FoundMessages:
        async with self._dialogue.history.turn_of(self._name):
            return await self._dialogue.history.thread(
                request.id, viewer=self._name, cursor=request.cursor, limit=request.limit
            )

    async def search_messages(self, request: SearchMessagesRequest) -> FoundMessages:
        async with self._dialogue.history.turn_of(self._name):
            return await self._dialogue.history.search(
                request.query, viewer=self._name, cursor=request.cursor, limit=request.limit
            )


class OperatorDialogue(Operator):
    """Acts for the person `actor`, who sees everything."""

    def __init__(self, dialogue: Dialogue, actor: Actor) -> None:
        self._dialogue = dialogue
        self._actor = actor

    async def messages(self, request: MessagesRequest) -> MessagesReply:
        await self._check(request.agent)
        return await self._dialogue.history.page(request.agent, before=request.before, limit=request.limit)

    async def conversation(self, request: ConversationRequest) -> MessagesReply:
        await self._check(request.one)
        await self._check(request.other)
        return await self._dialogue.history.between(
            request.one, request.other, before=request.before, limit=request.limit
        )

    async def thread(self, request: ThreadRequest) -> FoundMessages:
        return await self._dialogue.history.thread(request.id, cursor=request.cursor, limit=request.limit)

    async def search(self, request: SearchRequest) -> FoundMessages:
        await self._check(request.agent)
        return await self._dialogue.history.search(
            request.query, viewer=request.agent, cursor=request.cursor, limit=request.limit
        )

    async def dead_letters(self, request: DeadLettersRequest) -> DeadLettersReply:
        await self._check(request.agent)
        return await self._dialogue.dead_letters.page(request.agent, before=request.before, limit=request.limit)

    async def resend_dead_letters(self, request: DeadLettersChoice) -> CountReply:
        return CountReply(count=await self._dialogue.dead_letters.resend(self._actor, _choice(request)))

    async def drop_dead_letters(self, request: DeadLettersChoice) -> CountReply:
        return CountReply(count=await self._dialogue.dead_letters.drop(self._actor, _choice(request)))

    async def questions(self, request: QuestionsRequest) -> QuestionsReply:
        await self._check(request.addressee)
        found = await self._dialogue.questions.page(request.addressee, everything=request.all)
        return QuestionsReply(questions=found)

    async def answer_question(self, request: AnswerQuestionRequest) -> OperatorQuestionReply:
        answered = await self._dialogue.questions.answer(
            request.id, OPERATOR, answer=request.answer, choices=request.choices, actor=self._actor
        )
        return OperatorQuestionReply(question=answered)

    async def cancel_question(self, request: IdRequest) -> OperatorQuestionReply:
        cancelled = await self._dialogue.questions.cancel(request.id, OPERATOR, actor=self._actor)
        return OperatorQuestionReply(question=cancelled)

    async def reminders(self, request: AgentRemindersRequest) -> RemindersReply:
        await self._check(request.agent)
        return await self._dialogue.reminders.page(request.agent, everything=request.all)

    async def cancel_reminder(self, request: IdRequest) -> AgentReminderReply:
        return AgentReminderReply(reminder=await self._dialogue.reminders.cancel(request.id, actor=self._actor))

    async def retry_reminder(self, request: IdRequest) -> AgentReminderReply:
        return AgentReminderReply(reminder=await self._dialogue.reminders.retry(request.id, actor=self._actor))

    async def reminder_rollup(self, request: AgentReminderRollupRequest) -> ReminderRollupReply:
        await self._check(request.agent)
        return await self._dialogue.reminders.rollup(request.since_seconds, request.agent)

    async def loose_ends(self, request: AgentRequest) -> LooseEndsReply:
        await self._check(request.name)
        return await self._dialogue.loose_ends(request.name)

    async def _check(self, name: str | None) -> None:
        if name is not None:
            await self._dialogue.check_known(name)


def _choice(request: DeadLettersChoice) -> list[str] | None:
    if request.all and request.ids:
        raise InvalidError("All are asked for, and some are named.", hint="Do one or the other.")
    return None if request.all else request.ids
