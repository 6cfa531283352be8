"""What the dashboard keeps of the hive, and what of that has changed."""

from enum import StrEnum

from hive_rpc.accounts import Hold
from hive_rpc.configuration import Approval, Job
from hive_rpc.dialogue import Question
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.events import AgentToday, EventsReply
from hive_rpc.interfaces.operator.hive import AgentStatus, HiveStatus
from hive_rpc.interfaces.operator.messages import DeadLetter
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Message, Model, Role


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
    hive: bool = True
    """Whether to be told of the hive; if not, only who asks and what is in the history."""


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


class LookVersions(Model):
    """Of what a look does not show: each is another one after any of it has changed, in this run of core."""

    questions: int
    reminders: int
    audit: int
    people: int
    """Operators, and who is signed in."""
    accounts: int
    """What the gateway reports of them, and who was given which."""
    caps: int
    """Those that operators set and raised."""


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
    versions: LookVersions
    items: list[LookItem]
    keys: list[LookKeys]
    history: str = ""
    """The version of the history that was asked for: another one after any of its events was stored or deleted."""
    events: EventsReply | None = None
    """What was stored in it since; when there is `more`, ask for its end anew."""


class Methods:
    @rpc(Role.VIEWER)
    async def look(self, request: LookRequest) -> LookReply:
        """Everything that the dashboard's front page shows, or what changed since it was asked for last."""
        raise NotImplementedError
