"""`org.hive.Agent`: what an agent's harness may ask of core, on that agent's own `core.sock`.

The caller's name is the socket it came in on; no parameter says who is asking.
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from hive_rpc.accounts import Hold
from hive_rpc.commands import Effort
from hive_rpc.dialogue import (
    AskParameters,
    FoundMessages,
    LooseEndsReply,
    Question,
    Reminder,
    ReminderRollupReply,
    RemindersReply,
)
from hive_rpc.interface import Interface, rpc
from hive_rpc.types import AgentState, Empty, Event, Id, Ids, Message, Model, Seconds, Time

MAX_CONNECTIONS = 32
"""On an agent's socket: its harness has four, and twice as many while a new one takes over."""


class HelloRequest(Model):
    instance: Id
    """An id made at each start of the harness; messages are leased to it."""
    version: str = ""


class HelloReply(Model):
    name: str
    hive_version: str
    lease_seconds: Seconds
    """Renew well within this."""


class SendRequest(Model):
    to: Id
    """An agent's name, `operator`, or `*` for every agent."""
    body: str
    key: Id | None = None
    """Sending again with the same key returns the first message's id and sends nothing."""
    in_reply_to: Id | None = None
    automatic: bool = False
    """The body is a turn's final text, not something the model chose to send."""


class SendReply(Model):
    id: str


class ReceiveRequest(Model):
    wait_seconds: Seconds = 0
    """How long to wait for a first message; 60 at most."""
    max: int = 10
    held: list[str] | None = Field(default=None, max_length=1000)
    """What this instance has and has not settled, said by a harness that receives one call at a time.

    What is leased to it and not named here got lost with its reply, and is handed out again at once; what is named
    and whose lease ran out is leased to it again. None: the lost ones come when their lease has run out.
    """


class ReceiveReply(Model):
    messages: list[Message]


class IdsRequest(Model):
    ids: Ids


class RenewReply(Model):
    renewed: list[str]
    """Those of the ids that are still leased to this instance; what is missing was lost and will be redelivered."""
    expires_at: Time


class AckReply(Model):
    acked: list[str]
    """Those of the ids that are done now or were before; what is missing was lost and will be redelivered."""


class NackRequest(Model):
    ids: Ids
    reason: str
    counted: bool = True
    """It was an attempt. False when what stood in the way is not the message's doing: a limit, a network, a login."""


class Peer(Model):
    name: str
    state: AgentState


class WhoAmIReply(Model):
    name: str
    machine: str
    capabilities: list[str]
    model: str | None = None
    unread: int
    peers: list[Peer]
    """Whom a message can be sent to, besides `operator`."""


class CommandKind(StrEnum):
    SETTINGS = "settings"
    DRAIN = "drain"
    """Finish the turn that runs, take no new message, report `stopped`."""
    CANCEL = "cancel"
    """Interrupt the turn that runs."""
    COMPACT = "compact"
    NEW_SESSION = "new_session"
    WAKE = "wake"
    """Try again now what the harness is parked for."""
    HOLD = "hold"
    """Begin no turn: `hold` says why and until when. Without `hold` the way is free again."""


class McpServer(Model):
    """A program that gives the model further tools (Model Context Protocol over its standard streams)."""

    name: str
    command: str
    arguments: list[str] = []
    environment: dict[str, str] = {}


class Settings(Model):
    """What the operator configured for this agent, as the harness needs it. Sent first, and at each change."""

    model: str | None = None
    """A model name or alias; None is the CLI's default."""
    system_prompt: str = ""
    """What is said to the model besides the hive's own prompt."""
    environment: dict[str, str] = {}
    mcp_servers: list[McpServer] = []
    effort: Effort | None = None
    """None is the model's own."""
    paused: bool = False
    """Begin no turn until it is False again."""
    keep_warm_seconds: Seconds = 120
    """How long the runner is kept after a turn."""
    turn_limit_seconds: Seconds = 3600
    silence_limit_seconds: Seconds = 600
    """A turn without any event for so long is interrupted."""
    subscription: bool = False
    """The agent's account is a subscription: the CLI gets the placeholder of a token in place of that of a key."""
    manager: bool = False
    """It has the capability `manager`, and with it the tools for the other agents."""
    ask: list[str] = []
    """Tools that the model may use only after an operator said so."""
    ask_seconds: Seconds = 3600
    """How long such a question waits for an answer, which then is no."""
    secrets: dict[str, str] = {}
    """Variables of the model's tools, and the names of the secrets that are their values, which come another way."""
    egress: list[str] = []
    """What the agent may connect to, as in its `agent.toml`; enforced by the gateway."""


class Command(Model):
    kind: CommandKind
    id: str | None = None
    """Of an operator's command: how it ended is to be told with `command_ended`."""
    settings: Settings | None = None
    hold: Hold | None = None


class CommandEndedRequest(Model):
    id: str
    refused: str | None = None
    """Why it came to nothing; None when it was carried out."""


class ReportStateRequest(Model):
    state: AgentState
    reason: str | None = None
    until: Time | None = None
    model: str | None = None
    """The model that the last turn really used."""


class PushEventsRequest(Model):
    events: Annotated[list[Event], Field(max_length=200)]
    """In sequence; at most 200 and one frame."""


class PushEventsReply(Model):
    sequence: int
    """The highest sequence that core has stored for this instance; forget everything up to it."""


class SetStatusRequest(Model):
    text: str
    """One sentence, 200 characters at most; empty takes the last one away."""


class AskRequest(AskParameters):
    wait_seconds: Seconds = 0
    """Wait so long for the end of it; 60 at most. The question stays open when nothing came."""


class QuestionReply(Model):
    question: Question


class QuestionRequest(Model):
    id: str


class AwaitAnswerRequest(QuestionRequest):
    wait_seconds: Seconds = 60
    """60 at most."""


class AnswerRequest(QuestionRequest):
    answer: str | None = None
    """In words; needed where there are no options."""
    choices: list[str] = []
    """Of the options."""


class RemindRequest(Model):
    """When: `in_seconds` or `at`, once; with `every_seconds` again and again, from then or one interval from now."""

    message: str
    in_seconds: Seconds | None = None
    at: Time | None = None
    every_seconds: Seconds | None = None
    key: Id | None = None
    """Setting it again with the same key sets nothing, and gives the first reminder as it is now."""


class ReminderReply(Model):
    reminder: Reminder


class ReminderRequest(Model):
    id: str


class ListRemindersRequest(Model):
    all: bool = False
    """The delivered, failed and cancelled ones too."""


class ReminderRollupRequest(Model):
    since_seconds: Seconds
    """Back from now."""


class ReadThreadRequest(Model):
    id: str
    """Any message of the thread."""
    cursor: str | None = None
    limit: int = 50


class SearchMessagesRequest(Model):
    query: str
    """Words; each has to be there, the last one may be the beginning of a word."""
    cursor: str | None = None
    limit: int = 20


class Agent(Interface, name="org.hive.Agent", sockets=["agents/<name>/core/core.sock"]):
    """Every agent's harness, on its own socket."""

    @rpc()
    async def hello(self, request: HelloRequest) -> HelloReply:
        """Say which harness instance is speaking on this connection.

        A new instance takes over: what was leased to an older one is redelivered, a turn that it did not end has
        crashed, and its calls are refused with `InstanceReplaced`. A connection without a hello acts for the agent's
        current instance.
        """
        raise NotImplementedError

    @rpc()
    async def send(self, request: SendRequest) -> SendReply:
        """Send a message. It is durable when the reply comes. A body over 128 KiB is refused with `TooLarge`."""
        raise NotImplementedError

    @rpc(waits=True)
    async def receive(self, request: ReceiveRequest) -> ReceiveReply:
        """Lease the oldest waiting messages to this instance; an empty list when none came within the wait."""
        raise NotImplementedError

    @rpc()
    async def renew(self, request: IdsRequest) -> RenewReply:
        """Extend the leases of messages that are still being worked on."""
        raise NotImplementedError

    @rpc()
    async def ack(self, request: IdsRequest) -> AckReply:
        """Say that messages are done with. Durable when the reply comes; doing it twice is no error."""
        raise NotImplementedError

    @rpc()
    async def nack(self, request: NackRequest) -> Empty:
        """Give messages back to be delivered again, with one attempt more."""
        raise NotImplementedError

    @rpc()
    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        """Name, capabilities, unread messages and whom one can write to."""
        raise NotImplementedError

    @rpc()
    def commands(self, request: Empty) -> AsyncIterator[Command]:
        """Settings first, then settings at each change and the operator's commands, until the connection ends."""
        raise NotImplementedError

    @rpc()
    async def command_ended(self, request: CommandEndedRequest) -> Empty:
        """Say how an operator's command ended; doing it twice is no error."""
        raise NotImplementedError

    @rpc()
    async def report_state(self, request: ReportStateRequest) -> Empty:
        """Say what the harness is doing now."""
        raise NotImplementedError

    @rpc()
    async def push_events(self, request: PushEventsRequest) -> PushEventsReply:
        """Hand over live events. Sequences already stored are ignored, so that resending is safe."""
        raise NotImplementedError

    @rpc()
    async def set_status(self, request: SetStatusRequest) -> Empty:
        """Say in a sentence what one is at, for whoever looks at the hive."""
        raise NotImplementedError

    @rpc()
    async def ask(self, request: AskRequest) -> QuestionReply:
        """Ask the operator or an agent. How it ends comes as a message too, unless this call returned it."""
        raise NotImplementedError

    @rpc()
    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        """Wait for the end of a question of one's own; still open when nothing came."""
        raise NotImplementedError

    @rpc()
    async def answer(self, request: AnswerRequest) -> QuestionReply:
        """Answer a question to this agent. `Forbidden` when it is somebody else's, `Conflict` when it has ended."""
        raise NotImplementedError

    @rpc()
    async def cancel_question(self, request: QuestionRequest) -> QuestionReply:
        """Take back a question of one's own."""
        raise NotImplementedError

    @rpc()
    async def remind(self, request: RemindRequest) -> ReminderReply:
        """Send oneself a message later, once or again and again."""
        raise NotImplementedError

    @rpc()
    async def list_reminders(self, request: ListRemindersRequest) -> RemindersReply:
        """One's own reminders."""
        raise NotImplementedError

    @rpc()
    async def cancel_reminder(self, request: ReminderRequest) -> ReminderReply:
        """Call off a pending reminder of one's own."""
        raise NotImplementedError

    @rpc()
    async def retry_reminder(self, request: ReminderRequest) -> ReminderReply:
        """Make a reminder of one's own that failed due now."""
        raise NotImplementedError

    @rpc()
    async def reminder_rollup(self, request: ReminderRollupRequest) -> ReminderRollupReply:
        """How one's own reminders did."""
        raise NotImplementedError

    @rpc()
    async def loose_ends(self, request: Empty) -> LooseEndsReply:
        """What one has asked, owes and has put off."""
        raise NotImplementedError

    @rpc()
    async def read_thread(self, request: ReadThreadRequest) -> FoundMessages:
        """The messages of a thread that one sent or received, oldest first."""
        raise NotImplementedError

    @rpc()
    async def search_messages(self, request: SearchMessagesRequest) -> FoundMessages:
        """Search the messages that one sent or received, newest first."""
        raise NotImplementedError
