"""A core for the harness's tests: `org.hive.Agent` on a real socket, with the messages of one agent in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hive_base.ids import new_id
from hive_rpc.accounts import Hold
from hive_rpc.dialogue import Question, QuestionState
from hive_rpc.errors import HiveError, UnknownRecipientError
from hive_rpc.interfaces.agent import (
    AckReply,
    Agent,
    AskRequest,
    AwaitAnswerRequest,
    Command,
    CommandEndedRequest,
    CommandKind,
    HelloReply,
    HelloRequest,
    IdsRequest,
    NackRequest,
    Peer,
    PushEventsReply,
    PushEventsRequest,
    QuestionReply,
    QuestionRequest,
    ReceiveReply,
    ReceiveRequest,
    RenewReply,
    ReportStateRequest,
    SendReply,
    SendRequest,
    Settings,
    WhoAmIReply,
)
from hive_rpc.server import Server
from hive_rpc.types import OPERATOR, AgentState, Empty, Event, EventKind, Message, Turn
from tests.support.manual_clock import ManualClock

NAME = "worker"
LEASE_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
"""Nothing takes so long: a test that waits for it has failed."""


class Asked(Question):
    key: str | None = None


@dataclass
class FakeAgentCore:
    """Everything is public: a test sets what it needs and reads what was asked. It can be stopped and started again."""

    path: Path
    settings: Settings = field(default_factory=lambda: Settings(model="sonnet"))
    waiting: list[Message] = field(default_factory=list)
    leased: dict[str, Message] = field(default_factory=dict)
    acked: list[str] = field(default_factory=list)
    nacked: list[NackRequest] = field(default_factory=list)
    renewed: list[list[str]] = field(default_factory=list)
    sent: list[SendRequest] = field(default_factory=list)
    """Each key once, as a real core stores it."""
    states: list[ReportStateRequest] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """Each sequence of an instance once."""
    ended: list[CommandEndedRequest] = field(default_factory=list)
    """How commands with an id ended."""
    questions: dict[str, Asked] = field(default_factory=dict)
    """Each key once."""
    instances: list[str] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=lambda: [Peer(name="other", state=AgentState.IDLE)])
    refuse: dict[str, HiveError] = field(default_factory=dict)
    """Raised once by the method of this name; by `receive_reply` when the messages are leased already."""
    redeliver: bool = True
    """What was given back comes again at once."""

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()
        self._server: Server | None = None
        self._commands: list[asyncio.Queue[Command]] = []
        self._sequences: dict[str, int] = {}

    async def __aenter__(self) -> "FakeAgentCore":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = Server(lambda peer: [_Session(self)])
        await self._server.listen(self.path)

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            # The harness dials all the time, and asyncio forgets a connection that is accepted while its server closes.
            self.path.unlink()
            for _ in range(5):
                await asyncio.sleep(0)
            await server.close()

    def deliver(self, body: str, sender: str = OPERATOR, **fields: Any) -> Message:
        message = Message(
            id=new_id("msg"), sender=sender, recipient=NAME, body=body, **{"sent_at": datetime.now(UTC)} | fields
        )
        self.waiting.append(message)
        self.change()
        return message

    def command(
        self, kind: CommandKind, settings: Settings | None = None, *, hold: Hold | None = None, asked: str | None = None
    ) -> None:
        for queue in self._commands:
            queue.put_nowait(Command(kind=kind, settings=settings, hold=hold, id=asked))

    def configure(self, **fields: Any) -> None:
        self.settings = self.settings.model_copy(update=fields)
        self.command(CommandKind.SETTINGS, self.settings)

    def resolve(self, question: str, state: QuestionState, **fields: Any) -> None:
        self.questions[question] = self.questions[question].model_copy(update={"state": state, **fields})
        self.change()

    async def asked(self) -> Asked:
        """The question that is open, as soon as one is."""
        await self.until(lambda: any(q.state is QuestionState.OPEN for q in self.questions.values()))
        return next(q for q in self.questions.values() if q.state is QuestionState.OPEN)

    @property
    def state(self) -> AgentState | None:
        return self.states[-1].state if self.states else None

    def turns(self) -> list[Turn]:
        """The turns that have ended."""
        return [event.turn for event in self.events if event.kind is EventKind.TURN_ENDED and event.turn is not None]

    def texts(self, kind: EventKind) -> list[str]:
        return [event.text or "" for event in self.events if event.kind is kind]

    def change(self) -> None:
        self._changed.set()

    async def changed(self) -> None:
        """Wait for the next thing that happens."""
        self._changed.clear()
        await self._changed.wait()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                await self.changed()

    async def pass_time_until(self, holds: Callable[[], object], clock: ManualClock, step: float = 0.5) -> None:
        """Let time pass, with a moment for the sockets after each step, until something is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():
                await clock.advance(step)
                try:
                    async with asyncio.timeout(0.01):
                        await self.changed()
                except TimeoutError:
                    continue

    def _raise_if_refused(self, method: str) -> None:
        if error := self.refuse.pop(method, None):
            raise error


class _Session(Agent):
    def __init__(self, core: FakeAgentCore) -> None:
        self._core = core
        self._instance = ""

    async def hello(self, request: HelloRequest) -> HelloReply:
        self._instance = request.instance
        if request.instance not in self._core.instances:
            self._core.instances.append(request.instance)
        self._core.change()
        return HelloReply(name=NAME, hive_version="0", lease_seconds=LEASE_SECONDS)

    async def send(self, request: SendRequest) -> SendReply:
        core = self._core
        core._raise_if_refused("send")
        if request.to not in {OPERATOR, "*", *(peer.name for peer in core.peers)}:
            raise UnknownRecipientError(f"There is no agent called {request.to}.", hint="Ask whoami who there is.")
        if request.key is None or all(sent.key != request.key for sent in core.sent):
            core.sent.append(request)
            core.change()
        return SendReply(id=f"msg_{len(core.sent)}")

    async def receive(self, request: ReceiveRequest) -> ReceiveReply:
        core = self._core
        core._raise_if_refused("receive")
        core.waiting[:0] = [m for i, m in core.leased.items() if i not in (request.held or [])]
        if not core.waiting and request.wait_seconds:
            while not core.waiting:
                await core.changed()
        taken, core.waiting = core.waiting[: request.max], core.waiting[request.max :]
        core.leased |= {message.id: message for message in taken}
        core._raise_if_refused("receive_reply")
        return ReceiveReply(messages=taken)

    async def renew(self, request: IdsRequest) -> RenewReply:
        self._core._raise_if_refused("renew")
        self._core.renewed.append(request.ids)
        self._core.change()
        return RenewReply(renewed=[i for i in request.ids if i in self._core.leased], expires_at=datetime.now(UTC))

    async def ack(self, request: IdsRequest) -> AckReply:
        core = self._core
        core._raise_if_refused("ack")
        for message in request.ids:
            if core.leased.pop(message, None):
                core.acked.append(message)
        core.change()
        return AckReply(acked=request.ids)

    async def nack(self, request: NackRequest) -> Empty:
        core = self._core
        core._raise_if_refused("nack")
        core.nacked.append(request)
        for message in request.ids:
            if (lost := core.leased.pop(message, None)) and core.redeliver:
                attempts = lost.attempts + request.counted
                again = {"redelivered": True, "redelivery_reason": request.reason, "attempts": attempts}
                core.waiting.append(lost.model_copy(update=again))
        core.change()
        return Empty()

    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        core = self._core
        core._raise_if_refused("who_am_i")
        return WhoAmIReply(
            name=NAME,
            machine=f"h-{NAME}",
            capabilities=[],
            model=core.settings.model,
            unread=len(core.waiting),
            peers=core.peers,
        )

    async def ask(self, request: AskRequest) -> QuestionReply:
        core = self._core
        found = next((q for q in core.questions.values() if q.key == request.key), None)
        if found is None:
            now = datetime.now(UTC)
            found = Asked(
                id=new_id("que"),
                asker=NAME,
                addressee=request.to,
                question=request.question,
                options=request.options,
                state=QuestionState.OPEN,
                asked_at=now,
                expires_at=now + timedelta(seconds=request.ttl_seconds or 0),
                key=request.key,
            )
            core.questions[found.id] = found
            core.change()
        return QuestionReply(question=found)

    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        core = self._core
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(request.wait_seconds):
                while core.questions[request.id].state is QuestionState.OPEN:
                    await core.changed()
        return QuestionReply(question=core.questions[request.id])

    async def cancel_question(self, request: QuestionRequest) -> QuestionReply:
        self._core.resolve(request.id, QuestionState.CANCELLED)
        return QuestionReply(question=self._core.questions[request.id])

    async def commands(self, request: Empty) -> AsyncIterator[Command]:
        queue: asyncio.Queue[Command] = asyncio.Queue()
        self._core._commands.append(queue)
        yield Command(kind=CommandKind.SETTINGS, settings=self._core.settings)
        while True:
            yield await queue.get()

    async def command_ended(self, request: CommandEndedRequest) -> Empty:
        self._core.ended.append(request)
        self._core.change()
        return Empty()

    async def report_state(self, request: ReportStateRequest) -> Empty:
        self._core._raise_if_refused("report_state")
        self._core.states.append(request)
        self._core.change()
        return Empty()

    async def push_events(self, request: PushEventsRequest) -> PushEventsReply:
        core = self._core
        core._raise_if_refused("push_events")
        for event in request.events:
            if event.sequence > core._sequences.get(self._instance, 0):
                core._sequences[self._instance] = event.sequence
                core.events.append(event)
        core.change()
        return PushEventsReply(sequence=core._sequences.get(self._instance, 0))
