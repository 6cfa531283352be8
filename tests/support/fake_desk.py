"""The part of the fake core that answers the dashboard's other pages: lists that a test fills, and what was asked."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hive_rpc.accounts import EgressEntry
from hive_rpc.commands import AgentCommand, AgentCommandKind, AgentCommandState
from hive_rpc.configuration import Approval, ApprovalState, Commit, Job, Tombstone
from hive_rpc.dialogue import (
    FoundMessages,
    LooseEndsReply,
    Question,
    QuestionState,
    Reminder,
    ReminderRollupReply,
    RemindersReply,
    ReminderState,
)
from hive_rpc.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.accounts import AccountStatus
from hive_rpc.interfaces.operator.approvals import (
    ApprovalReply,
    ApprovalRequest,
    ApprovalsReply,
    ApprovalsRequest,
    DecideRequest,
    OperatorApprovalReply,
)
from hive_rpc.interfaces.operator.configuration import Input
from hive_rpc.interfaces.operator.dialogue import (
    AgentReminderReply,
    AgentReminderRollupRequest,
    AgentRemindersRequest,
    AnswerQuestionRequest,
    OperatorQuestionReply,
    QuestionsReply,
    QuestionsRequest,
)
from hive_rpc.interfaces.operator.events import AgentToday, TodayReply, TurnStats, TurnStatsReply, TurnStatsRequest
from hive_rpc.interfaces.operator.files import (
    FileEntry,
    FileKind,
    ListAgentFilesReply,
    ListAgentFilesRequest,
    LogsRequest,
    ReadAgentFileReply,
    ReadAgentFileRequest,
    ReadLogReply,
    ReadLogRequest,
)
from hive_rpc.interfaces.operator.hive import Check, DoctorReply, MetricsReply
from hive_rpc.interfaces.operator.jobs import JobReply, JobsReply, JobsRequest
from hive_rpc.interfaces.operator.lives import CommandAgentReply, CommandAgentRequest
from hive_rpc.interfaces.operator.messages import (
    ConversationRequest,
    CountReply,
    DeadLetter,
    DeadLettersChoice,
    DeadLettersReply,
    DeadLettersRequest,
    MessagesReply,
    SearchRequest,
    ThreadRequest,
)
from hive_rpc.interfaces.operator.people import (
    AuditReply,
    AuditRequest,
    AuditRow,
    ChangePasswordRequest,
    InviteReply,
    InviteRequest,
    OperatorAccount,
    OperatorNameRequest,
    OperatorsReply,
    SessionsReply,
    SetRoleRequest,
    SignedInSession,
)
from hive_rpc.interfaces.operator.request import AgentRequest, IdRequest, OperatorRequest
from hive_rpc.interfaces.operator.spending import SpendingReply
from hive_rpc.logs import LogLine
from hive_rpc.types import Empty

if TYPE_CHECKING:
    from tests.support.fake_core import FakeCore

PASSWORD = "correct horse battery"
"""What every operator of a fake core confirms with."""


@dataclass
class Desk:
    """What the pages show."""

    questions: list[Question] = field(default_factory=list)
    reminders: list[Reminder] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    diff: str = ""
    warnings: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    job_log: str = ""
    letters: list[DeadLetter] = field(default_factory=list)
    today: list[AgentToday] = field(default_factory=list)
    stats: TurnStatsReply | None = None
    audit: list[AuditRow] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    spending: SpendingReply | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    entries: list[FileEntry] = field(default_factory=list)
    """Further entries of every directory, which cannot be read."""
    log: list[LogLine] = field(default_factory=list)
    operators: list[OperatorAccount] = field(default_factory=list)
    signed_in: list[SignedInSession] = field(default_factory=list)
    config: str | None = None
    accounts: list[AccountStatus] = field(default_factory=list)
    egress: list[EgressEntry] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    gateway: bool = True
    """The gateway is connected; what it keeps cannot be asked for without it."""
    done: list[tuple[Any, ...]] = field(default_factory=list)
    """Every change that was asked for: (method, what it was about, …)."""


class FakeDesk(Operator):
    def __init__(self, core: "FakeCore") -> None:
        self._core = core
        self._desk = core.desk

    def _admit(self, request: OperatorRequest, method: str) -> None:
        self._core.admit(request, method)

    def _confirmed(self, request: OperatorRequest, method: str) -> None:
        self._core.admit(request, method)
        if request.password != PASSWORD:
            raise ForbiddenError("The password is wrong.")

    def _done(self, *what: Any) -> None:
        self._desk.done.append(what)
        self._core.notify()

    async def today(self, request: OperatorRequest) -> TodayReply:
        self._admit(request, "today")
        return TodayReply(agents=self._desk.today)

    async def stats(self, request: TurnStatsRequest) -> TurnStatsReply:
        self._admit(request, "stats")
        if self._desk.stats is not None:
            return self._desk.stats
        empty = TurnStats(since=self._core.clock.now())
        return TurnStatsReply(total=empty, buckets=[empty] * request.buckets)

    async def questions(self, request: QuestionsRequest) -> QuestionsReply:
        self._admit(request, "questions")
        found = [q for q in self._desk.questions if request.addressee in (None, q.addressee)]
        return QuestionsReply(questions=[q for q in found if request.all or q.state is QuestionState.OPEN])

    async def answer_question(self, request: AnswerQuestionRequest) -> OperatorQuestionReply:
        self._admit(request, "answer_question")
        asked = next((q for q in self._desk.questions if q.id == request.id), None)
        if asked is None:
            raise NotFoundError(f"There is no question {request.id}.")
        if asked.state is not QuestionState.OPEN:
            raise ConflictError("The question has ended.")
        now = {"state": QuestionState.ANSWERED, "answer": request.answer, "choices": request.choices}
        answered = asked.model_copy(update=now)
        self._desk.questions[self._desk.questions.index(asked)] = answered
        self._done("answer_question", request.id, request.answer, request.choices)
        return OperatorQuestionReply(question=answered)

    async def cancel_question(self, request: IdRequest) -> OperatorQuestionReply:
        self._admit(request, "cancel_question")
        asked = next(q for q in self._desk.questions if q.id == request.id)
        self._desk.questions.remove(asked)
        self._done("cancel_question", request.id)
        return OperatorQuestionReply(question=asked)

    async def reminders(self, request: AgentRemindersRequest) -> RemindersReply:
        self._admit(request, "reminders")
        found = [r for r in self._desk.reminders if request.agent in (None, r.agent)]
        return RemindersReply(reminders=[r for r in found if request.all or r.state is ReminderState.PENDING])

    async def cancel_reminder(self, request: IdRequest) -> AgentReminderReply:
        self._admit(request, "cancel_reminder")
        self._done("cancel_reminder", request.id)
        return AgentReminderReply(reminder=next(r for r in self._desk.reminders if r.id == request.id))

    async def retry_reminder(self, request: IdRequest) -> AgentReminderReply:
        self._admit(request, "retry_reminder")
        self._done("retry_reminder", request.id)
        return AgentReminderReply(reminder=next(r for r in self._desk.reminders if r.id == request.id))

    async def reminder_rollup(self, request: AgentReminderRollupRequest) -> ReminderRollupReply:
        self._admit(request, "reminder_rollup")
        return ReminderRollupReply(since=self._core.clock.now(), agents=[])

    async def loose_ends(self, request: AgentRequest) -> LooseEndsReply:
        self._admit(request, "loose_ends")
        is_open = [q for q in self._desk.questions if q.state is QuestionState.OPEN]
        return LooseEndsReply(
            asked=[q for q in is_open if q.asker == request.name],
            owed=[q for q in is_open if q.addressee == request.name],
            reminders=[r for r in self._desk.reminders if r.agent == request.name],
            unread=0,
        )

    async def approvals(self, request: ApprovalsRequest) -> ApprovalsReply:
        self._admit(request, "approvals")
        return ApprovalsReply(approvals=[a for a in self._desk.approvals if request.all or not a.state.ended])

    async def show_approval(self, request: ApprovalRequest) -> ApprovalReply:
        self._admit(request, "show_approval")
        found = next((a for a in self._desk.approvals if a.id == request.id), None)
        if found is None:
            raise NotFoundError(f"There is no approval {request.id}.")
        return ApprovalReply(
            approval=found, config='model = "opus"\n', diff=self._desk.diff, warnings=self._desk.warnings
        )

    async def approve(self, request: DecideRequest) -> OperatorApprovalReply:
        return self._decide("approve", request, ApprovalState.APPROVED)

    async def deny(self, request: DecideRequest) -> OperatorApprovalReply:
        return self._decide("deny", request, ApprovalState.DENIED)

    async def cancel_approval(self, request: DecideRequest) -> OperatorApprovalReply:
        return self._decide("cancel_approval", request, ApprovalState.CANCELLED)

    def _decide(self, method: str, request: DecideRequest, state: ApprovalState) -> OperatorApprovalReply:
        self._admit(request, method)
        found = next(a for a in self._desk.approvals if a.id == request.id)
        decided = found.model_copy(update={"state": state, "note": request.note or None})
        self._desk.approvals[self._desk.approvals.index(found)] = decided
        self._done(method, request.id, request.note)
        return OperatorApprovalReply(approval=decided)

    async def jobs(self, request: JobsRequest) -> JobsReply:
        self._admit(request, "jobs")
        return JobsReply(jobs=self._desk.jobs)

    async def show_job(self, request: IdRequest) -> JobReply:
        self._admit(request, "show_job")
        return JobReply(job=next(j for j in self._desk.jobs if j.id == request.id), log=self._desk.job_log)

    async def dead_letters(self, request: DeadLettersRequest) -> DeadLettersReply:
        self._admit(request, "dead_letters")
        return DeadLettersReply(letters=self._desk.letters, more=False)

    async def resend_dead_letters(self, request: DeadLettersChoice) -> CountReply:
        return self._settle("resend_dead_letters", request)

    async def drop_dead_letters(self, request: DeadLettersChoice) -> CountReply:
        return self._settle("drop_dead_letters", request)

    def _settle(self, method: str, request: DeadLettersChoice) -> CountReply:
        self._admit(request, method)
        if not request.ids:
            raise InvalidError("No dead letter is named.")
        self._desk.letters = [letter for letter in self._desk.letters if letter.message.id not in request.ids]
        self._done(method, request.ids)
        return CountReply(count=len(request.ids))

    async def thread(self, request: ThreadRequest) -> FoundMessages:
        self._admit(request, "thread")
        known = {m.id: m for m in self._core.messages}
        if request.id not in known:
            raise NotFoundError(f"There is no message {request.id}.")

        def root(message_id: str) -> str:
            parent = known[message_id].in_reply_to if message_id in known else None
            return root(parent) if parent is not None and parent in known else message_id

        return FoundMessages(messages=[m for m in self._core.messages if root(m.id) == root(request.id)])

    async def search(self, request: SearchRequest) -> FoundMessages:
        self._admit(request, "search")
        return FoundMessages(messages=[m for m in self._core.messages[::-1] if request.query in m.body])

    async def conversation(self, request: ConversationRequest) -> MessagesReply:
        self._admit(request, "conversation")
        both = {request.one, request.other}
        return MessagesReply(messages=[m for m in self._core.messages if {m.sender, m.recipient} == both], more=False)

    async def audit(self, request: AuditRequest) -> AuditReply:
        self._admit(request, "audit")
        return AuditReply(rows=self._desk.audit)

    async def doctor(self, request: OperatorRequest) -> DoctorReply:
        self._admit(request, "doctor")
        return DoctorReply(checks=self._desk.checks)

    async def metrics(self, request: OperatorRequest) -> MetricsReply:
        self._admit(request, "metrics")
        return MetricsReply(text="hive_messages_sent_total 3.0\n")

    async def list_agent_files(self, request: ListAgentFilesRequest) -> ListAgentFilesReply:
        self._admit(request, "list_agent_files")
        below = f"{request.path}/" if request.path else ""
        names: dict[str, FileEntry] = {}
        for path, data in self._desk.files.items():
            if path.startswith(below):
                name, _, rest = path.removeprefix(below).partition("/")
                kind = FileKind.DIRECTORY if rest else FileKind.FILE
                names[name] = FileEntry(name=name, kind=kind, size=0 if rest else len(data))
        if below and not names:
            raise NotFoundError("There is no such file.")
        return ListAgentFilesReply(entries=[*names.values(), *self._desk.entries])

    async def read_agent_file(self, request: ReadAgentFileRequest) -> ReadAgentFileReply:
        self._admit(request, "read_agent_file")
        if request.path not in self._desk.files:
            raise NotFoundError("There is no such file.")
        data = self._desk.files[request.path]
        piece = data[request.offset : request.offset + request.limit]
        return ReadAgentFileReply(data=base64.b64encode(piece).decode(), offset=request.offset, size=len(data))

    async def read_log(self, request: ReadLogRequest) -> ReadLogReply:
        self._admit(request, "read_log")
        return ReadLogReply(lines=self._desk.log)

    async def logs(self, request: LogsRequest) -> AsyncIterator[LogLine]:
        self._admit(request, "logs")
        for line in self._desk.log:
            yield line

    async def command_agent(self, request: CommandAgentRequest) -> CommandAgentReply:
        self._admit(request, "command_agent")
        if request.kind is AgentCommandKind.CANCEL:
            raise ConflictError(f"{request.name} is in no turn.")
        self._done("command_agent", request.name, request.kind, request.value)
        command = AgentCommand(
            id="cmd_1",
            agent=request.name,
            kind=request.kind,
            value=request.value,
            state=AgentCommandState.QUEUED,
            asked_by="ada",
            asked_at=self._core.clock.now(),
        )
        queued = {"commands": [command]}
        self._core.agents[request.name] = self._core.agents[request.name].model_copy(update=queued)
        return CommandAgentReply(command=command)

    async def destroy(self, request: AgentRequest) -> Empty:
        self._admit(request, "destroy")
        del self._core.agents[request.name]
        self._done("destroy", request.name)
        return Empty()

    async def purge(self, request: AgentRequest) -> Empty:
        self._confirmed(request, "purge")
        del self._core.agents[request.name]
        self._done("purge", request.name)
        return Empty()

    async def operators(self, request: OperatorRequest) -> OperatorsReply:
        self._admit(request, "operators")
        return OperatorsReply(operators=self._desk.operators)

    async def sessions(self, request: OperatorRequest) -> SessionsReply:
        self._admit(request, "sessions")
        return SessionsReply(sessions=self._desk.signed_in)

    async def invite(self, request: InviteRequest) -> InviteReply:
        self._confirmed(request, "invite")
        self._done("invite", request.name, request.role)
        return InviteReply(
            token="once-only",
            url="http://hive/sign-in/once-only",
            expires_at=self._core.clock.now(),
            role=request.role,
        )

    async def set_role(self, request: SetRoleRequest) -> Empty:
        self._confirmed(request, "set_role")
        self._done("set_role", request.name, request.role)
        return Empty()

    async def remove_operator(self, request: OperatorNameRequest) -> Empty:
        self._confirmed(request, "remove_operator")
        self._done("remove_operator", request.name)
        return Empty()

    async def change_password(self, request: ChangePasswordRequest) -> Empty:
        self._confirmed(request, "change_password")
        self._done("change_password", request.new_password)
        return Empty()

    async def revoke_session(self, request: IdRequest) -> Empty:
        self._admit(request, "revoke_session")
        self._done("revoke_session", request.id)
        return Empty()
