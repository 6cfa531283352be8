"""`org.hive.Operator`: what an operator may do, on `operator.sock` (the shell) and `web.sock` (the dashboard).

On `operator.sock` the peer's uid is who acts, as an admin; on `web.sock` every call carries a session token and the
role of its operator decides.
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from hive_rpc.accounts import (
    Account,
    AccountKind,
    AccountName,
    Caps,
    EgressEntry,
    Hold,
    Raise,
    Scope,
    ScopedCaps,
    Spend,
)
from hive_rpc.commands import AgentCommand, AgentCommandKind, Effort
from hive_rpc.configuration import (
    MAX_INPUTS,
    MAX_REASON,
    Approval,
    Commit,
    DiffBase,
    InputName,
    Job,
    Sha,
    Tombstone,
)
from hive_rpc.dialogue import FoundMessages, LooseEndsReply, Question, Reminder, ReminderRollupReply, RemindersReply
from hive_rpc.interface import Interface, rpc
from hive_rpc.interfaces.gateway import Login
from hive_rpc.logs import LogLine
from hive_rpc.types import (
    AgentName,
    AgentState,
    ContainerState,
    Empty,
    Event,
    Message,
    Model,
    Object,
    Role,
    Seconds,
    Time,
    Turn,
    Usage,
)


class OperatorRequest(Model):
    session: str | None = None
    """The session token; needed on `web.sock`, ignored on `operator.sock`."""
    password: str | None = Field(default=None, repr=False)
    """The operator's own, once more: on `web.sock`, for methods that say so."""
    background: bool = False
    """Asked by a page on its own: the session does not count as used."""


class HiveStatus(Model):
    name: str
    version: str
    since: Time
    stand_in: bool
    """No account is configured: the stand-in model answers."""
    model_backend: str
    """What answers the agents, in words for a person; empty while the gateway has not said."""
    gateway: bool
    """The gateway is connected."""
    healthy: bool
    dashboard: str | None = None
    """The dashboard's address."""
    stopped: str | None = None
    """An operator has stopped everything: who, when, and why."""


class AgentStatus(Model):
    name: str
    state: AgentState
    since: Time
    reason: str | None = None
    until: Time | None = None
    container: ContainerState
    machine: str
    model: str | None = None
    effort: Effort | None = None
    """What an operator set; None is the model's own."""
    paused: bool = False
    """An operator wants no further turn; `state` is `paused` once none runs."""
    commands: list[AgentCommand] = []
    """Those that are queued, oldest first."""
    last_turn: Turn | None = None
    unread: int
    capabilities: list[str] = []
    created_at: Time
    note: str | None = None
    """What the agent says of itself, in a sentence."""
    note_at: Time | None = None


class StatusReply(Model):
    hive: HiveStatus
    agents: list[AgentStatus]
    cursor: int
    """The id of the newest event in the hive when this was read; watch from here. 0 when there is none."""
    holds: list[Hold] = []
    """What stands in the way of requests, as the gateway said last."""


class OperatorSendRequest(OperatorRequest):
    to: str
    body: str
    key: str | None = None
    in_reply_to: str | None = None


class OperatorSendReply(Model):
    id: str


class AwaitReplyRequest(OperatorRequest):
    id: str
    """The message whose reply is awaited."""
    wait_seconds: Seconds = 600


class AwaitReplyReply(Model):
    reply: Message


class MessagesRequest(OperatorRequest):
    agent: str | None = None
    """Only what this agent sent or received."""
    before: str | None = None
    """Older than this message."""
    limit: int = 50


class MessagesReply(Model):
    messages: list[Message]
    """Newest last."""
    more: bool
    """There are older ones."""


class SpawnRequest(OperatorRequest):
    name: AgentName
    config: str | None = None
    """The text of an `agent.toml`; None is the default worker."""


class AgentRequest(OperatorRequest):
    name: AgentName


class CommandAgentRequest(OperatorRequest):
    name: AgentName
    kind: AgentCommandKind
    value: str | None = Field(default=None, min_length=1, max_length=200)
    """For `model` and `effort`."""


class CommandAgentReply(Model):
    command: AgentCommand


class AgentCommandsRequest(OperatorRequest):
    name: AgentName
    limit: int = Field(default=20, ge=1, le=100)


class AgentCommandsReply(Model):
    commands: list[AgentCommand]
    """Newest first."""


class LogsRequest(OperatorRequest):
    name: AgentName
    lines: int = 100
    follow: bool = False


class WatchRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's events."""
    after: int | None = None
    """Begin after this event id; None begins with what happens next."""
    deltas: bool = False
    """Include the fleeting `text_delta` events."""


class WatchReply(Model):
    events: list[Event]
    """An empty list says only that the stream is live; the first reply always comes at once."""
    cursor: int
    """The id to resume after."""
    reset: bool = False
    """Events after `after` were already dropped: fetch the state again."""


class EventsRequest(OperatorRequest):
    agent: AgentName
    before: int | None = None
    after: int = 0
    """Newer than this event: the newest of them, if they are more than the limit."""
    limit: int = 200


class EventsReply(Model):
    events: list[Event]
    """Oldest first, without `text_delta`."""
    cursor: int
    """The id of the newest event in the whole hive when this was read; watch from here."""
    more: bool = False
    """There are others between these and `after`."""
    oldest: int = 0
    """The id of the agent's oldest event that is kept; 0 when there is none."""


class Check(Model):
    """One finding of `doctor`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class DoctorReply(Model):
    checks: list[Check]


class InviteRequest(OperatorRequest):
    name: str
    """The operator's account; made if it is not there."""
    role: Role = Role.OPERATOR


class InviteReply(Model):
    token: str
    """To be used once."""
    url: str | None = None
    expires_at: Time


class SetPasswordRequest(OperatorRequest):
    name: str
    new_password: str = Field(repr=False)


class TokenRequest(OperatorRequest):
    name: str
    """The operator's account, whose role the token has."""
    days: int = Field(default=365, ge=1, le=3650)


class TokenReply(Model):
    token: str = Field(repr=False)
    """Shown once. It is a session's: for programs, as `Authorization: Bearer`, where they read."""
    expires_at: Time


class SetRoleRequest(OperatorRequest):
    name: str
    role: Role


class OperatorNameRequest(OperatorRequest):
    name: str


class ChangePasswordRequest(OperatorRequest):
    new_password: str = Field(repr=False)


class SignedInSession(Model):
    """Somebody's session on the dashboard. Its token is nobody's to see."""

    id: str
    operator: str
    means: str
    """`invitation`, `password`, or `token` for a program's."""
    address: str
    """Where the browser was when it signed in."""
    created_at: Time
    seen_at: Time
    """Last used, to the minute."""
    expires_at: Time
    current: bool
    """The one that asks."""


class SessionsReply(Model):
    sessions: list[SignedInSession]
    """Last used first."""


class OperatorAccount(Model):
    name: str
    role: Role
    has_password: bool
    created_at: Time


class OperatorsReply(Model):
    operators: list[OperatorAccount]


class AuditRequest(OperatorRequest):
    before: int | None = None
    limit: int = 100


class AuditRow(Model):
    id: int
    at: Time
    who: str
    via: str
    """The socket: `operator.sock`, `web.sock`, an agent's `core.sock`, or `core` itself."""
    action: str
    target: str
    outcome: str
    details: Object = {}


class AuditReply(Model):
    rows: list[AuditRow]
    """Newest first."""


class DeadLetter(Model):
    """A message that was handed out too often without being acknowledged."""

    message: Message
    reason: str
    """Why it was returned the last time."""
    died_at: Time


class DeadLettersRequest(OperatorRequest):
    agent: str | None = None
    """Only those to this agent."""
    before: str | None = None
    """Older than this message."""
    limit: int = 50


class DeadLettersReply(Model):
    letters: list[DeadLetter]
    """Newest first."""
    more: bool


class DeadLettersChoice(OperatorRequest):
    ids: list[str] = []
    all: bool = False
    """Every one there is; then `ids` has to be empty."""


class CountReply(Model):
    count: int


class ThreadRequest(OperatorRequest):
    id: str
    """Any message of the thread."""
    cursor: str | None = None
    limit: int = 50


class ConversationRequest(OperatorRequest):
    one: str
    other: str
    before: str | None = None
    limit: int = 50


class SearchRequest(OperatorRequest):
    query: str
    """Words; each has to be there, the last one may be the beginning of a word."""
    agent: str | None = None
    """Only what this agent sent or received."""
    cursor: str | None = None
    limit: int = 50


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


class IdRequest(OperatorRequest):
    id: str


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


class AccountStatus(Model):
    account: Account
    agents: list[str]
    """Those that use it."""


class AccountsReply(Model):
    accounts: list[AccountStatus]


class AddAccountRequest(OperatorRequest):
    name: AccountName
    kind: AccountKind
    secret: str = Field(default="", repr=False)
    """The key or the token alone. Core passes it on to the gateway and keeps nothing of it."""
    base_url: str | None = None
    """For another provider with the same API; https, or http on a loopback address."""


class AccountRequest(OperatorRequest):
    name: AccountName


class UseAccountRequest(OperatorRequest):
    agent: AgentName
    account: AccountName | None = None
    """None is what `agent.toml` says, or else the default account."""


class LoginReply(Model):
    login: Login


class FinishLoginRequest(OperatorRequest):
    login: str
    code: str = Field(repr=False)


class SpendingReply(Model):
    spending: list[Spend]
    """Of the hive, of each account and of each agent that spent something today."""
    caps: list[ScopedCaps]
    """Every cap that is set."""
    raises: list[Raise]
    """Those that hold today."""
    holds: list[Hold]
    stopped: str | None = None


class SetCapsRequest(OperatorRequest):
    """The caps of the hive or of an account; an agent's are in its `agent.toml`."""

    scope: Scope
    name: str = ""
    caps: Caps


class RaiseCapRequest(OperatorRequest):
    """Let somebody spend more until the end of the day (UTC)."""

    scope: Scope
    name: str = ""
    usd: float = Field(default=0, ge=0, allow_inf_nan=False)
    tokens: int = Field(default=0, ge=0)


class StopAllRequest(OperatorRequest):
    reason: str = Field(default="", max_length=200)


class EgressLogRequest(OperatorRequest):
    agent: str | None = None
    before: int | None = None
    """Older than this entry."""
    limit: int = 100


class EgressLogReply(Model):
    entries: list[EgressEntry]
    """Newest first."""


class FileKind(StrEnum):
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"
    """A pipe, a socket, a device."""


class FileEntry(Model):
    name: str
    """A name that is not UTF-8 has its bytes written as `\\xff`."""
    kind: FileKind
    size: int = 0
    modified_at: Time | None = None
    readable: bool = True
    """It can be read, or listed; links and what is no plain file cannot."""


class ListAgentFilesRequest(OperatorRequest):
    agent: AgentName
    path: str = ""
    """`state`, `claude` or `shared`, and what lies beneath; empty for these three."""
    after: str | None = None
    """A cursor of the reply before."""
    limit: int = 200


class ListAgentFilesReply(Model):
    entries: list[FileEntry]
    """By name."""
    cursor: str | None = None
    """Ask again with this for more; None when there are no more."""
    truncated: bool = False
    """There are more than are ever listed."""


class ReadAgentFileRequest(OperatorRequest):
    agent: AgentName
    path: str
    offset: int = 0
    limit: int = 256 * 1024
    """Bytes; 256 KiB at most."""


class ReadAgentFileReply(Model):
    data: str
    """Base 64."""
    offset: int
    size: int
    """Of the whole file."""
    modified_at: Time | None = None


class ReadLogRequest(OperatorRequest):
    agent: AgentName
    cursor: str | None = None
    """Of the reply before: lines older than those. None is the end of the log."""
    lines: int = 200


class ReadLogReply(Model):
    lines: list[LogLine]
    """Oldest first."""
    cursor: str | None = None
    """For what is older; None when there is nothing older."""


class TurnStats(Model):
    """Turns that began within one span of time."""

    since: Time
    turns: int = 0
    running: int = 0
    usage: Usage = Usage()
    cost_usd: float = 0
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    """Durations of the turns that have ended."""
    outcomes: dict[str, int] = {}
    wake_reasons: dict[str, int] = {}
    tools: dict[str, int] = {}
    """Calls by the name of the tool; the 50 most used."""


class TurnStatsRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's turns."""
    since_seconds: Seconds
    """Back from now; 90 days at most."""
    buckets: int = Field(default=1, ge=1, le=120)
    """Equal parts into which that time is cut."""


class TurnStatsReply(Model):
    total: TurnStats
    buckets: list[TurnStats]
    """Oldest first, without `tools`."""


class AgentToday(Model):
    """What an agent's row shows besides its status."""

    agent: str
    turns: int
    cost_usd: float
    context_tokens: int | None = None
    """After the last turn."""


class TodayReply(Model):
    agents: list[AgentToday]
    """By name; since midnight UTC."""


class LookKind(StrEnum):
    """What an item of a look is; the field that holds it has the same name."""

    HIVE = "hive"
    AGENT = "agent"
    TODAY = "today"
    """Of the agent that the key names."""
    APPROVAL = "approval"
    """One that waits or is carried out, with the beginning of its reason."""
    JOB = "job"
    """One that waits or runs."""
    QUESTION = "question"
    """An open one to the operators: its beginning, without what can be chosen."""
    LETTER = "letter"
    """One of the newest dead letters, newest first, with the beginning of the message."""
    HOLD = "hold"
    """Of a cap that was reached."""
    MESSAGE = "message"
    """The beginning of one of the newest messages, newest last; how often it was handed out is that of its sending."""


class LookHistory(Model):
    """Ask for what was stored of one agent's history too."""

    agent: str
    after: int = 0
    """The newest event that is known."""
    version: str = ""
    """What an earlier reply said. Of a history that is the same nothing is told, nor where nothing is known of it."""


class LookRequest(OperatorRequest):
    known: str = ""
    """The version of an earlier reply, of which everything is kept: what did not change since is left out."""
    history: LookHistory | None = None


class LookKeys(Model):
    """All that there are of a kind, in their order; told when they are others, or in another order, than before."""

    version: int
    kind: LookKind
    keys: list[str]


class LookItem(Model):
    """One that is new, or other than before. Versions count up: an item with a lower one is out of date."""

    version: int
    kind: LookKind
    key: str
    hive: HiveStatus | None = None
    agent: AgentStatus | None = None
    today: AgentToday | None = None
    approval: Approval | None = None
    job: Job | None = None
    question: Question | None = None
    letter: DeadLetter | None = None
    hold: Hold | None = None
    message: Message | None = None


class LookReply(Model):
    name: str
    """Who asks."""
    role: Role
    version: str
    complete: bool
    """What was known before is worth nothing: core does not know that version."""
    more: bool
    """There is more than fits into one reply: ask again with this version."""
    cursor: int
    """Of the events, as in `StatusReply`."""
    dialogue: str
    """Another one after any question or reminder changed, which loose ends are made of."""
    items: list[LookItem]
    keys: list[LookKeys]
    history: str = ""
    """The version of the history that was asked for: another one after any of its events was stored or deleted."""
    events: EventsReply | None = None
    """What was stored in it since; when there is `more`, ask for its end anew."""


class ApprovalsRequest(OperatorRequest):
    all: bool = False
    """Those that have ended too."""


class ApprovalsReply(Model):
    approvals: list[Approval]
    """Those that wait for a decision first, by age; then those under way; then the newest others. 200 at most."""


class ApprovalRequest(OperatorRequest):
    id: str
    against: DiffBase = DiffBase.RUNNING


class ApprovalReply(Model):
    approval: Approval
    config: str = ""
    """The `agent.toml` that is proposed."""
    diff: str = ""
    """A unified diff of the whole tree; empty when nothing differs or there is nothing to compare."""
    base: Sha | None = None
    """The commit that it is compared with; None is an empty tree."""
    warnings: list[str] = []
    """What a person should look at before anything else, in sentences."""


class DecideRequest(OperatorRequest):
    id: str
    note: str = ""


class OperatorApprovalReply(Model):
    approval: Approval


class JobsRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's."""
    limit: int = 50


class JobsReply(Model):
    jobs: list[Job]
    """Those that wait or run first, in the order in which they run; then the newest of the others."""


class JobReply(Model):
    job: Job
    log: str
    """What it did so far, line by line, with the end of the container's log where that failed."""


class ConfigReply(Model):
    agent: AgentName
    config: str
    """The `agent.toml` that it runs with."""
    sha: Sha | None = None
    """Its commit; None while the agent's repository is being made."""


class ConfigLogReply(Model):
    commits: list[Commit]
    """Newest first."""


class ConfigDiffRequest(OperatorRequest):
    name: AgentName
    old: Sha
    new: Sha


class ConfigDiffReply(Model):
    diff: str


RUNNING = "running"
"""In place of a commit: the one that the agent runs with."""


class ReadAgentConfigRequest(OperatorRequest):
    agent: AgentName
    ref: Annotated[str, StringConstraints(pattern=rf"^([0-9a-f]{{40}}|{RUNNING})$")] = RUNNING
    """A commit that was proposed or applied, by its full id."""
    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+/-]*$", max_length=500)] = "agent.toml"
    """As the commit's tree names it; nothing is resolved."""


class ReadAgentConfigReply(Model):
    sha: Sha
    path: str
    text: str
    """At most 256 KiB."""


class EditConfigRequest(OperatorRequest):
    """An operator's own proposal: it takes the same way as a manager's, and is approved like any other."""

    name: AgentName
    config: str
    """The whole `agent.toml`."""
    base: Sha | None = None
    """The commit that was edited; `Conflict` when the agent runs another one by now."""
    reason: str = ""


class RestartAllRequest(OperatorRequest):
    reason: str
    """Told to each agent."""


class Input(Model):
    """An input of the meta flake."""

    name: str
    url: str
    revision: str | None = None
    """None where it is not locked."""
    modified_at: Time | None = None


class InputsReply(Model):
    inputs: list[Input]
    flake: str
    """The text of the meta flake."""


class UpdateInputsRequest(OperatorRequest):
    inputs: list[InputName] = Field(default=[], max_length=MAX_INPUTS)
    """Of the meta flake, as `nixpkgs`; none means all that are no agent's configuration."""
    reason: str = Field(default="", max_length=MAX_REASON)


class TombstonesReply(Model):
    tombstones: list[Tombstone]


class MetricsReply(Model):
    text: str
    """Prometheus' text format."""


class Operator(Interface, name="org.hive.Operator", sockets=["operator.sock", "web.sock"]):
    """The people who run the hive."""

    @rpc(Role.VIEWER)
    async def status(self, request: OperatorRequest) -> StatusReply:
        """The hive and each agent."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def look(self, request: LookRequest) -> LookReply:
        """Everything that the dashboard's front page shows, or what changed since it was asked for last."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def send(self, request: OperatorSendRequest) -> OperatorSendReply:
        """Send a message as the operator."""
        raise NotImplementedError

    @rpc(Role.VIEWER, waits=True)
    async def await_reply(self, request: AwaitReplyRequest) -> AwaitReplyReply:
        """Wait for the reply to a message that the operator sent; `TimedOut` when none comes."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def messages(self, request: MessagesRequest) -> MessagesReply:
        """Messages between agents and operators, a page at a time."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def events(self, request: EventsRequest) -> EventsReply:
        """An agent's stored events, a page at a time."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    def watch(self, request: WatchRequest) -> AsyncIterator[WatchReply]:
        """Events as they happen."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def spawn(self, request: SpawnRequest) -> Empty:
        """Create an agent and boot it; returns when its harness has said hello. Its first turn follows by itself."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def start(self, request: AgentRequest) -> Empty:
        """Boot a stopped or failed agent; returns when its harness has said hello."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def stop(self, request: AgentRequest) -> Empty:
        """Drain an agent and stop its container."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def restart(self, request: AgentRequest) -> Empty:
        """Stop, then start."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def command_agent(self, request: CommandAgentRequest) -> CommandAgentReply:
        """Command an agent while a turn runs or while none does: cancel, compact, new session, model, effort, pause,
        resume, wake. It returns when the command is queued; asking again while it is gives the same one. `Conflict`
        says why it makes no sense now."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def agent_commands(self, request: AgentCommandsRequest) -> AgentCommandsReply:
        """The latest commands to an agent, queued and ended."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def destroy(self, request: AgentRequest) -> Empty:
        """Stop an agent and take it out of the hive. Its files are kept, and it can be revived."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def purge(self, request: AgentRequest) -> Empty:
        """Destroy an agent, if it was not before, and delete its files for good."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    def logs(self, request: LogsRequest) -> AsyncIterator[LogLine]:
        """The last lines of an agent's log, and then, with `follow`, what is written."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def doctor(self, request: OperatorRequest) -> DoctorReply:
        """Check everything that the hive needs, with a remedy for what is wrong."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def invite(self, request: InviteRequest) -> InviteReply:
        """Make a one-time sign-in link."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def set_password(self, request: SetPasswordRequest) -> Empty:
        """Set an operator's password; the account must exist."""
        raise NotImplementedError

    @rpc(Role.ADMIN)
    async def operators(self, request: OperatorRequest) -> OperatorsReply:
        """Who may sign in."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def create_token(self, request: TokenRequest) -> TokenReply:
        """Make a session for a program, which does not fall idle; it is listed and ended like any other."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def set_role(self, request: SetRoleRequest) -> Empty:
        """Give an operator another role and end their sessions. `Conflict` for the last admin."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def remove_operator(self, request: OperatorNameRequest) -> Empty:
        """Remove an operator with their sessions and invitations. `Conflict` for the last admin."""
        raise NotImplementedError

    @rpc(Role.VIEWER, confirmed=True)
    async def change_password(self, request: ChangePasswordRequest) -> Empty:
        """Change one's own password; one's other sessions end."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def sessions(self, request: OperatorRequest) -> SessionsReply:
        """One's own sessions on the dashboard; everybody's for an admin."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def revoke_session(self, request: IdRequest) -> Empty:
        """End a session of one's own, or as an admin anybody's; its live streams end with it."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def list_agent_files(self, request: ListAgentFilesRequest) -> ListAgentFilesReply:
        """What is in one of an agent's directories; nothing is followed."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def read_agent_file(self, request: ReadAgentFileRequest) -> ReadAgentFileReply:
        """A piece of a plain file beneath one of an agent's directories."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def read_log(self, request: ReadLogRequest) -> ReadLogReply:
        """A page of an agent's log, from its end backwards."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def stats(self, request: TurnStatsRequest) -> TurnStatsReply:
        """How turns went over a span of time, in all and by parts of it."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def today(self, request: OperatorRequest) -> TodayReply:
        """Each agent's turns and cost since midnight (UTC), and the size of its context."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def audit(self, request: AuditRequest) -> AuditReply:
        """Who changed what, newest first."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def dead_letters(self, request: DeadLettersRequest) -> DeadLettersReply:
        """Messages that were given up, a page at a time."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def resend_dead_letters(self, request: DeadLettersChoice) -> CountReply:
        """Deliver dead letters again, with all their attempts before them."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def drop_dead_letters(self, request: DeadLettersChoice) -> CountReply:
        """Give dead letters up for good; they stay in the history."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def thread(self, request: ThreadRequest) -> FoundMessages:
        """The messages of a thread, oldest first."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def conversation(self, request: ConversationRequest) -> MessagesReply:
        """What two have sent to each other, a page at a time."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def search(self, request: SearchRequest) -> FoundMessages:
        """Search all messages, newest first."""
        raise NotImplementedError

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

    @rpc(Role.VIEWER)
    async def accounts(self, request: OperatorRequest) -> AccountsReply:
        """The accounts, how they fare, and who uses them."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def add_account(self, request: AddAccountRequest) -> Empty:
        """Add an account, or give one a new secret: requests that begin afterwards use it."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def remove_account(self, request: AccountRequest) -> Empty:
        """Forget an account. `Conflict` while agents use it."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def use_account(self, request: UseAccountRequest) -> Empty:
        """Have an agent use another account than its `agent.toml` says."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def begin_login(self, request: AccountRequest) -> LoginReply:
        """Begin an interactive login; the address is for the account's owner."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def finish_login(self, request: FinishLoginRequest) -> Empty:
        """End a login with the code that its address gave."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def spending(self, request: OperatorRequest) -> SpendingReply:
        """What was spent, what may be, and what is held."""
        raise NotImplementedError

    @rpc(Role.ADMIN, confirmed=True)
    async def set_caps(self, request: SetCapsRequest) -> Empty:
        """Set the caps of the hive or of an account, all of them."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def raise_cap(self, request: RaiseCapRequest) -> Empty:
        """Raise the caps of the hour and the day until the end of today; raises of the same day add up."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def stop_all(self, request: StopAllRequest) -> Empty:
        """Refuse every request to a model and every connection to the outside, for all agents, until undone."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def resume_all(self, request: OperatorRequest) -> Empty:
        """Undo `StopAll`."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def egress_log(self, request: EgressLogRequest) -> EgressLogReply:
        """Connections of agents to the outside, newest first."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def approvals(self, request: ApprovalsRequest) -> ApprovalsReply:
        """What waits for a decision, and what was decided."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def show_approval(self, request: ApprovalRequest) -> ApprovalReply:
        """One of them, with the difference that it makes."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def approve(self, request: DecideRequest) -> OperatorApprovalReply:
        """Say yes; the job that carries it out is queued. `Conflict` when it was decided already."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def deny(self, request: DecideRequest) -> OperatorApprovalReply:
        """Say no, with a note for whoever asked."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def cancel_approval(self, request: DecideRequest) -> OperatorApprovalReply:
        """Take back what is not carried out yet, whether it was approved or not."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def jobs(self, request: JobsRequest) -> JobsReply:
        """The work on agents' lives."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def show_job(self, request: IdRequest) -> JobReply:
        """One job with its log."""
        raise NotImplementedError

    @rpc(Role.VIEWER, waits=True)
    async def await_job(self, request: IdRequest) -> JobReply:
        """Wait for a job's end."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def cancel_job(self, request: IdRequest) -> JobReply:
        """Call off a job that has not begun to switch."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def restart_all(self, request: RestartAllRequest) -> JobsReply:
        """Restart every agent that runs: the managers first, then the others a few at a time."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def config(self, request: AgentRequest) -> ConfigReply:
        """What an agent runs with."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def read_agent_config(self, request: ReadAgentConfigRequest) -> ReadAgentConfigReply:
        """One file of an agent's configuration at a commit. `NotFound` when there is no such file or commit."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def config_log(self, request: AgentRequest) -> ConfigLogReply:
        """The commits of an agent's configuration, and what became of each."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def config_diff(self, request: ConfigDiffRequest) -> ConfigDiffReply:
        """What differs between two commits of an agent's configuration."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def edit_config(self, request: EditConfigRequest) -> OperatorApprovalReply:
        """Propose another `agent.toml`; approve it to have it run."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def inputs(self, request: OperatorRequest) -> InputsReply:
        """What the meta flake pins."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def update_inputs(self, request: UpdateInputsRequest) -> OperatorApprovalReply:
        """Look for what is new in inputs, and ask that every agent is built from it: it waits for an approval like any
        other. `Conflict` when nothing is new."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def tombstones(self, request: OperatorRequest) -> TombstonesReply:
        """Destroyed agents that can be revived."""
        raise NotImplementedError

    @rpc(Role.ADMIN)
    async def revive(self, request: AgentRequest) -> Empty:
        """Bring a destroyed agent back with its files and the configuration that it ran with."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def metrics(self, request: OperatorRequest) -> MetricsReply:
        """Core's counters. On `web.sock` also for the token that the machine's configuration gives for this alone."""
        raise NotImplementedError
