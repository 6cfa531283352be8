"""`org.hive.Runner`: what the runner asks of its harness, inside the container, on a socket only root there can open.

The runner is a client of the harness as the harness is a client of core: instructions come by one stream, events and
tool calls go up as calls on connections of their own. A runner lives as long as one CLI process: it is launched once,
told about turns, and ends when the CLI ends, when it is told to, or when it is killed.
"""

from collections.abc import AsyncIterator
from enum import StrEnum

from hive_rpc.commands import Effort
from hive_rpc.dialogue import AskParameters, FoundMessages, LooseEndsReply, RemindersReply
from hive_rpc.interface import Interface, rpc
from hive_rpc.interfaces.agent import (
    AnswerRequest,
    AwaitAnswerRequest,
    ListRemindersRequest,
    McpServer,
    QuestionReply,
    QuestionRequest,
    ReadThreadRequest,
    ReminderReply,
    ReminderRequest,
    RemindRequest,
    SearchMessagesRequest,
    SendReply,
    SetStatusRequest,
    WhoAmIReply,
)
from hive_rpc.types import Empty, Event, Message, Model, Object, Seconds, Usage


class InstructionKind(StrEnum):
    """What an `Instruction` asks for; exactly the field of the same name is filled, where it has one."""

    LAUNCH = "launch"
    """Start the CLI. The first instruction, and given once."""
    TURN = "turn"
    INTERRUPT = "interrupt"
    """Ask the CLI to end the turn that runs."""
    END = "end"
    """Let the CLI put its transcript away, then exit."""


class LaunchInstruction(Model):
    """How to start the CLI. Whatever of it changes, a new runner is needed."""

    session: str
    """The conversation's id, a UUID."""
    resume: bool
    """The session has a transcript already."""
    model: str | None = None
    effort: Effort | None = None
    system_prompt: str = ""
    """What is appended to Claude Code's own system prompt."""
    directory: str
    """Where the CLI works."""
    environment: dict[str, str]
    """The CLI's whole environment."""
    uid: int | None = None
    """The user and group that the CLI and its tools run as; None is the runner's own (outside a container)."""
    cgroup: str | None = None
    """Where the CLI and its tools live, so that all of them can be killed at once; None outside a container."""
    manager: bool = False
    """The model gets the tools of a manager."""
    mcp_servers: list[McpServer] = []
    """Started by the CLI, as the model's user, besides the hive's own tools."""
    ask: list[str] = []
    """Tools that the model may use once an operator said so, as rules of the CLI's: `Bash`, `Bash(git push *)`."""
    cli: str | None = None
    """The CLI's program; None is the one that comes with the SDK."""


class TurnInstruction(Model):
    turn_id: str
    prompt: str


class Instruction(Model):
    kind: InstructionKind
    launch: LaunchInstruction | None = None
    turn: TurnInstruction | None = None


class TurnFinishedRequest(Model):
    """The evidence of a finished turn, from which the harness classifies it, and its figures."""

    turn_id: str
    lines: list[Object] = []
    """The CLI's stream-json lines of this turn, without partial messages and without what the model and its tools
    said, in order. Of a very long turn the latest ones."""
    stderr: str = ""
    """The end of what the CLI wrote there."""
    exit_code: int | None = None
    """The CLI's, negative for a signal; None while it lives."""
    error: str | None = None
    """The SDK's exception, in words."""
    final_text: str = ""
    first_token_seconds: float | None = None
    """From the instruction to the first thing the model said."""
    context_tokens: int | None = None
    """The size of the context at the last inference of the main thread."""
    usage: Usage = Usage()
    cost_usd: float | None = None
    model: str | None = None
    tools: dict[str, int] = {}


class RunnerEventsRequest(Model):
    events: list[Event]


class ToolSendRequest(Model):
    to: str
    body: str
    in_reply_to: str | None = None


class ToolReceiveRequest(Model):
    wait_seconds: Seconds = 0
    max: int = 10


class ToolReceiveReply(Model):
    messages: list[Message]


class PermitRequest(Model):
    tool: str
    arguments: Object


class PermitReply(Model):
    allowed: bool
    message: str = ""
    """What the model is told where it is not."""


class RequestNextTurnRequest(Model):
    note: str
    """What the next turn is for, in the agent's own words: its prompt."""


class RequestNextTurnReply(Model):
    left: int
    """How many turns more can be asked for before a message has to come."""


class Runner(Interface, name="org.hive.Runner", sockets=["harness.sock"]):
    """The runner, and the tools that run in it."""

    @rpc()
    def instructions(self, request: Empty) -> AsyncIterator[Instruction]:
        """What to do, one after the other."""
        raise NotImplementedError

    @rpc()
    async def events(self, request: RunnerEventsRequest) -> Empty:
        """What the turn is doing, as it happens."""
        raise NotImplementedError

    @rpc()
    async def turn_finished(self, request: TurnFinishedRequest) -> Empty:
        """The turn is over."""
        raise NotImplementedError

    @rpc()
    async def send(self, request: ToolSendRequest) -> SendReply:
        """The `send` tool."""
        raise NotImplementedError

    @rpc(waits=True)
    async def receive(self, request: ToolReceiveRequest) -> ToolReceiveReply:
        """The `recv` tool: what arrives is part of this turn, and is acknowledged with it."""
        raise NotImplementedError

    @rpc()
    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        """The `whoami` tool."""
        raise NotImplementedError

    @rpc(waits=True)
    async def permit(self, request: PermitRequest) -> PermitReply:
        """Whether the model may use a tool of which an operator is to be asked: answered once one has decided."""
        raise NotImplementedError

    @rpc()
    async def request_next_turn(self, request: RequestNextTurnRequest) -> RequestNextTurnReply:
        """The `request_next_turn` tool: when this turn has ended well, another one follows at once, for the same
        messages; these are settled when the last one has ended. `Conflict` when there were too many in a row."""
        raise NotImplementedError

    @rpc()
    async def set_status(self, request: SetStatusRequest) -> Empty:
        """The `set_status` tool."""
        raise NotImplementedError

    @rpc()
    async def ask(self, request: AskParameters) -> QuestionReply:
        """The `ask` tool; the key is the harness's to choose."""
        raise NotImplementedError

    @rpc(waits=True)
    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        """The `ask` tool, when it waits."""
        raise NotImplementedError

    @rpc()
    async def answer(self, request: AnswerRequest) -> QuestionReply:
        """The `answer` tool."""
        raise NotImplementedError

    @rpc()
    async def cancel_question(self, request: QuestionRequest) -> QuestionReply:
        """The `cancel` tool, for a question."""
        raise NotImplementedError

    @rpc()
    async def remind(self, request: RemindRequest) -> ReminderReply:
        """The `remind` tool; the key is the harness's to choose."""
        raise NotImplementedError

    @rpc()
    async def list_reminders(self, request: ListRemindersRequest) -> RemindersReply:
        """The `list_reminders` tool."""
        raise NotImplementedError

    @rpc()
    async def cancel_reminder(self, request: ReminderRequest) -> ReminderReply:
        """The `cancel` tool, for a reminder."""
        raise NotImplementedError

    @rpc()
    async def loose_ends(self, request: Empty) -> LooseEndsReply:
        """The `loose_ends` tool."""
        raise NotImplementedError

    @rpc()
    async def read_thread(self, request: ReadThreadRequest) -> FoundMessages:
        """The `read_thread` tool."""
        raise NotImplementedError

    @rpc()
    async def search_messages(self, request: SearchMessagesRequest) -> FoundMessages:
        """The `search_messages` tool."""
        raise NotImplementedError
