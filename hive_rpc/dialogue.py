"""What agents and operators say to each other besides messages: questions, reminders, searches, loose ends.

Shared by `org.hive.Agent` and `org.hive.Operator`, so that both see the same thing.
"""

from enum import StrEnum

from hive_rpc.configuration import Approval
from hive_rpc.types import OPERATOR, Id, Message, Model, Seconds, Time


class QuestionState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Question(Model):
    """A question with one definite end: an answer, its expiry, or a cancellation."""

    id: str
    asker: str
    addressee: str
    """An agent, or `operator`."""
    question: str
    options: list[str] = []
    """What can be chosen; empty when it is to be answered in words."""
    multi: bool = False
    """More than one option may be chosen."""
    state: QuestionState
    asked_at: Time
    expires_at: Time
    answer: str | None = None
    """The answer in words, or what goes with the choice."""
    choices: list[str] = []
    resolved_by: str | None = None
    resolved_at: Time | None = None


class AskParameters(Model):
    question: str
    options: list[str] = []
    multi: bool = False
    to: Id = OPERATOR
    ttl_seconds: Seconds | None = None
    """After this long without an answer it expires, and the asker is told; None is a day, 30 days is the most."""
    key: Id | None = None
    """Asking again with the same key asks nothing, and gives the first question as it is now."""


class ReminderState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reminder(Model):
    """A message that an agent has sent to itself, to arrive later, once or again and again."""

    id: str
    agent: str
    message: str
    state: ReminderState
    created_at: Time
    due_at: Time
    """When it fires next, or was due."""
    every_seconds: Seconds | None = None
    deliveries: int = 0
    error: str | None = None
    """Why it could not be delivered."""


class RemindersReply(Model):
    reminders: list[Reminder]
    """The pending ones first by due time, then the newest of the others; 200 at most."""


class ReminderCounts(Model):
    """How an agent's reminders did over a time."""

    agent: str
    attempted: int
    delivered: int
    failed: int


class ReminderRollupReply(Model):
    since: Time
    agents: list[ReminderCounts]
    """By name; an agent without any attempt is not listed."""


class LooseEndsReply(Model):
    """What is not finished yet."""

    asked: list[Question]
    """Open questions of this agent's."""
    owed: list[Question]
    """Open questions to this agent."""
    reminders: list[Reminder]
    """Pending."""
    approvals: list[Approval] = []
    """What this agent has proposed and nobody has decided yet."""
    unread: int
    """Messages that wait to be handed out."""


class FoundMessages(Model):
    """A page of messages that were looked for."""

    messages: list[Message]
    """Newest first for a search, oldest first for a thread."""
    cursor: str | None = None
    """Ask again with this for the next page; None when there is no more."""
