"""The agents' questions and reminders."""

from hive_rpc.dialogue import LooseEndsReply, Question, Reminder, ReminderRollupReply, RemindersReply
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import AgentRequest, IdRequest, OperatorRequest
from hive_rpc.types import Model, Role, Seconds


class QuestionsRequest(OperatorRequest):
    addressee: str | None = None
    """Only those to this agent, or to `operator`."""
    all: bool = False
    """Those that have ended too."""


class QuestionsReply(Model):
    questions: list[Question]
    """The open ones first by age, then the newest of the others; 200 at most."""


class AnswerQuestionRequest(OperatorRequest):
    id: str
    answer: str | None = None
    choices: list[str] = []


class OperatorQuestionReply(Model):
    question: Question


class AgentRemindersRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's."""
    all: bool = False
    """The delivered, failed and cancelled ones too."""


class AgentReminderReply(Model):
    reminder: Reminder


class AgentReminderRollupRequest(OperatorRequest):
    agent: str | None = None
    since_seconds: Seconds


class Methods:
    @rpc(Role.VIEWER)
    async def questions(self, request: QuestionsRequest) -> QuestionsReply:
        """What is asked."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def answer_question(self, request: AnswerQuestionRequest) -> OperatorQuestionReply:
        """Answer a question, whoever it was put to. `Conflict` when it has ended."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def cancel_question(self, request: IdRequest) -> OperatorQuestionReply:
        """End a question without an answer; its asker is told."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def reminders(self, request: AgentRemindersRequest) -> RemindersReply:
        """The agents' reminders."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def cancel_reminder(self, request: IdRequest) -> AgentReminderReply:
        """Call off a pending reminder."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def retry_reminder(self, request: IdRequest) -> AgentReminderReply:
        """Make a reminder that failed due now."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def reminder_rollup(self, request: AgentReminderRollupRequest) -> ReminderRollupReply:
        """How the reminders of one agent, or of all, did."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def loose_ends(self, request: AgentRequest) -> LooseEndsReply:
        """What an agent has asked, owes and has put off."""
        raise NotImplementedError
