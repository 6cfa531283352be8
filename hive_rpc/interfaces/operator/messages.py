"""Messages between agents and operators, and those that were given up."""

from hive_rpc.dialogue import FoundMessages
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Message, Model, Role, Seconds, Time


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


class Methods:
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
