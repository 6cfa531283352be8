"""`org.hive.Runner`: what the runner asks of its harness, inside the container, on a socket only root there can open.

The runner is a client of the harness as the harness is a client of core: instructions come by one stream, events and
tool calls go up as calls on connections of their own.
"""

from collections.abc import AsyncIterator
from enum import StrEnum

from hive_rpc.interface import Interface, rpc
from hive_rpc.interfaces.agent import SendReply, WhoAmIReply
from hive_rpc.types import Empty, Event, Message, Model, Object, Seconds


class InstructionKind(StrEnum):
    TURN = "turn"
    INTERRUPT = "interrupt"
    END = "end"


class TurnInstruction(Model):
    turn_id: str
    prompt: str
    session: str
    resume: bool
    """The session has a transcript already."""
    model: str | None = None
    system_prompt: str = ""
    environment: dict[str, str] = {}


class Instruction(Model):
    kind: InstructionKind
    turn: TurnInstruction | None = None


class TurnFinishedRequest(Model):
    """The evidence of a finished turn, from which the harness classifies it."""

    turn_id: str
    result: Object | None = None
    """The CLI's last `result` line; None when it gave none."""
    error: str | None = None
    """The SDK's exception, in words."""
    lines: list[Object] = []
    """The stream-json lines that classification needs (assistant errors, rate limits, compaction), in order."""
    stderr: str = ""
    exit_code: int | None = None
    final_text: str = ""
    first_token_seconds: float | None = None
    context_tokens: int | None = None
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


class Runner(Interface, name="org.hive.Runner"):
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

    @rpc()
    async def receive(self, request: ToolReceiveRequest) -> ToolReceiveReply:
        """The `recv` tool: what arrives is part of this turn, and is acknowledged with it."""
        raise NotImplementedError

    @rpc()
    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        """The `whoami` tool."""
        raise NotImplementedError
