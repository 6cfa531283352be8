"""A core for the dashboard's tests: a real server on a real socket, whose answers are what a test says they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from hive_base.clock import Clock
from hive_rpc.accounts import Hold, HoldKind
from hive_rpc.dialogue import QuestionState
from hive_rpc.errors import ConflictError, ForbiddenError, HiveError, NotFoundError, NotSignedInError
from hive_rpc.interface import methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import EventsReply, EventsRequest, WatchReply, WatchRequest
from hive_rpc.interfaces.operator.hive import AgentStatus, HiveStatus, StatusReply
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.look import LookItem, LookKeys, LookKind, LookReply, LookRequest, LookVersions
from hive_rpc.interfaces.operator.messages import MessagesReply, MessagesRequest, OperatorSendReply, OperatorSendRequest
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_rpc.interfaces.session import (
    DescribeRequest,
    GreetReply,
    RedeemRequest,
    Session,
    SessionReply,
    SessionRequest,
    SignedInReply,
    SignInRequest,
)
from hive_rpc.server import Server
from hive_rpc.types import (
    OPERATOR,
    AgentState,
    ContainerState,
    Empty,
    Event,
    EventKind,
    Message,
    Role,
    StateChange,
    Turn,
)
from tests.support.fake_desk import Desk
from tests.support.fake_offices import FakeOffices
from tests.support.manual_clock import ManualClock


@dataclass
class FakeCore:
    """Everything is public: a test sets what it needs and reads what was asked."""

    clock: Clock = field(default_factory=ManualClock)
    hive: HiveStatus = None  # type: ignore[assignment] # set below, from the clock
    agents: dict[str, AgentStatus] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    sessions: dict[str, SessionReply] = field(default_factory=dict)
    passwords: dict[str, tuple[str, Role]] = field(default_factory=dict)
    invitations: dict[str, tuple[str, Role]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    """Where sign-ins came from."""
    sent: list[OperatorSendRequest] = field(default_factory=list)
    lives: list[tuple[str, str]] = field(default_factory=list)
    """(verb, agent) of every start, stop, restart and spawn."""
    spawned: list[SpawnRequest] = field(default_factory=list)
    asked: list[OperatorRequest] = field(default_factory=list)
    """Every request, in order."""
    refusals: dict[str, HiveError] = field(default_factory=dict)
    """What a method of this Python name raises."""
    looks: int = 0
    """How often the whole was looked at."""
    hold: asyncio.Event | None = None
    """While it is set to an event that has not happened, starting and stopping take that long."""
    forgotten: int = 0
    """Events up to this id are no longer stored."""
    holds: list[Hold] = field(default_factory=list)
    desk: Desk = field(default_factory=Desk)
    """What the other pages show."""
    on_send: Callable[[Message], None] | None = None
    on_look: Callable[[], Awaitable[None]] | None = None
    """What happens between a look and its answer."""

    @property
    def versions(self) -> LookVersions:
        """A number for each state."""
        desk = self.desk
        return LookVersions(
            questions=_number(desk.questions),
            reminders=_number(desk.reminders),
            audit=_number(desk.audit),
            people=_number((desk.operators, desk.signed_in)),
            accounts=_number(desk.accounts),
            caps=_number(desk.spending and desk.spending.caps),
        )

    def __post_init__(self) -> None:
        self._watchers: list[asyncio.Event] = []
        self._unwatched = asyncio.Event()
        self._told: list[Event] = []
        self._count = 0
        self._minted = 0
        self._server: Server | None = None
        if self.hive is None:
            self.hive = HiveStatus(
                name="meadow",
                version="0.1.0",
                since=self.clock.now() - timedelta(hours=5),
                stand_in=False,
                model_backend="Anthropic API",
                gateway=True,
                healthy=True,
            )

    async def start(self, path: Path) -> None:
        self._server = Server(lambda _: [FakeSession(self), FakeOperator(self)])
        await self._server.listen(path)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None

    # What a test arranges

    def sign_in(self, name: str = "ada", role: Role = Role.OPERATOR) -> str:
        self._minted += 1
        token = f"session-{self._minted}"
        self.sessions[token] = SessionReply(name=name, role=role, expires_at=self.clock.now() + timedelta(days=7))
        return token

    def agent(self, name: str, state: AgentState = AgentState.IDLE, **values: Any) -> AgentStatus:
        known: dict[str, Any] = {
            "name": name,
            "state": state,
            "since": self.clock.now(),
            "container": ContainerState.RUNNING,
            "machine": f"h-{name}"[:11],
            "unread": 0,
            "created_at": self.clock.now(),
        }
        self.agents[name] = AgentStatus.model_validate(known | values)
        return self.agents[name]

    def emit(self, kind: EventKind, agent: str, **values: Any) -> int:
        """Tell an event; returns its id."""
        self._count += 1
        event = Event(kind=kind, at=values.pop("at", self.clock.now()), agent=agent, id=self._count, **values)
        self.events.append(event)
        self._told.append(event)
        self.notify()
        return self._count

    def emit_delta(self, agent: str, turn_id: str, text: str) -> None:
        self._told.append(
            Event(kind=EventKind.TEXT_DELTA, at=self.clock.now(), agent=agent, turn_id=turn_id, text=text)
        )
        self.notify()

    def change(self, name: str, state: AgentState, **values: Any) -> int:
        """An agent's state, with the event that tells of it."""
        since = values.pop("since", self.clock.now())
        change = StateChange(state=state, since=since, reason=values.get("reason"), until=values.get("until"))
        update = {"state": state, "since": since, "reason": None, "until": None} | values
        self.agents[name] = self.agents[name].model_copy(update=update)
        return self.emit(EventKind.STATE, name, state=change, at=since)

    def message(self, sender: str, recipient: str, body: str, **values: Any) -> Message:
        """A message, with an event for each agent that it concerns."""
        at = values.pop("sent_at", self.clock.now())
        message = Message(
            id=f"msg_{len(self.messages) + 1}", sender=sender, recipient=recipient, body=body, sent_at=at, **values
        )
        self.messages.append(message)
        for name in (sender, recipient):
            if name in self.agents:
                self.emit(EventKind.MESSAGE, name, message=message, at=at)
        return message

    def begin_turn(self, name: str, turn_id: str, **values: Any) -> Turn:
        turn = Turn(id=turn_id, started_at=values.pop("started_at", self.clock.now()), **values)
        self.agents[name] = self.agents[name].model_copy(update={"last_turn": turn})
        self.emit(EventKind.TURN_STARTED, name, turn=turn, turn_id=turn_id, at=turn.started_at)
        return turn

    def end_turn(self, name: str, turn: Turn, **values: Any) -> None:
        ended = turn.model_copy(update={"ended_at": values.pop("ended_at", self.clock.now())} | values)
        self.agents[name] = self.agents[name].model_copy(update={"last_turn": ended})
        self.emit(EventKind.TURN_ENDED, name, turn=ended, turn_id=turn.id, at=ended.ended_at)

    def sign_out_everybody(self) -> None:
        self.sessions.clear()
        self.notify()

    def forget_events(self) -> None:
        self.forgotten = self._count
        self.events.clear()

    @property
    def cursor(self) -> int:
        return self._count

    # What the handlers below share

    def caller(self, token: str | None) -> SessionReply:
        if token is None or token not in self.sessions:
            raise NotSignedInError
        return self.sessions[token]

    def admit(self, request: OperatorRequest, attribute: str) -> SessionReply:
        self.asked.append(request)
        caller = self.caller(request.session)
        needed = next(m.role for m in methods(Operator).values() if m.attribute == attribute)
        if needed is not None and not caller.role.includes(needed):
            raise ForbiddenError(f"That needs the role {needed}, and {caller.name} is {caller.role}.")
        if refusal := self.refusals.get(attribute):
            raise refusal
        return caller

    async def watch(self, request: WatchRequest) -> AsyncIterator[WatchReply]:
        """Stored events first, then each as it is told. Ends with NotSignedIn when the session ends."""
        after = self._count if request.after is None else request.after
        if after < self.forgotten or after > self._count:
            yield WatchReply(events=[], cursor=self._count, reset=True)
        news = asyncio.Event()
        self._watchers.append(news)
        try:
            batch, told = [e for e in self.events if e.id > after], len(self._told)
            while True:
                yield WatchReply(events=[e for e in batch if _wanted(e, request)], cursor=self._count)
                while told == len(self._told):
                    await news.wait()
                    news.clear()
                    self.caller(request.session)
                batch, told = self._told[told:], len(self._told)
        finally:
            self._watchers.remove(news)
            self._unwatched.set()

    async def watch_states(self, name: str) -> AsyncIterator[AgentState]:
        """The states of an agent from now on, for a test that waits for one."""
        request = WatchRequest(session=self.sign_in("onlooker", Role.VIEWER), agent=name)
        async for reply in self.watch(request):
            for event in reply.events:
                if event.state is not None:
                    yield event.state.state

    @property
    def watching(self) -> int:
        """Streams of events that are open."""
        return len(self._watchers)

    async def until_unwatched(self) -> None:
        """Wait until no stream of events is open."""
        while self._watchers:
            self._unwatched.clear()
            await self._unwatched.wait()

    def notify(self) -> None:
        for news in self._watchers:
            news.set()


def _number(shown: object) -> int:
    """The same for what looks the same."""
    return crc32(repr(shown).encode())


def _wanted(event: Event, request: WatchRequest) -> bool:
    return request.agent in (None, event.agent) and (request.deltas or event.kind is not EventKind.TEXT_DELTA)


def look_reply(core: FakeCore, caller: SessionReply, *, hive: bool) -> LookReply:
    """All of it, each time, in a version of its own; or nothing."""
    core.looks += hive
    desk = core.desk
    asked = [q for q in desk.questions if q.state is QuestionState.OPEN and q.addressee == OPERATOR]
    values: dict[LookKind, dict[str, Any]] = {
        LookKind.HIVE: {"": core.hive},
        LookKind.AGENT: core.agents,
        LookKind.TODAY: {today.agent: today for today in desk.today},
        LookKind.APPROVAL: {a.id: a for a in desk.approvals if not a.state.ended},
        LookKind.JOB: {job.id: job for job in desk.jobs if not job.state.ended},
        LookKind.QUESTION: {q.id: q for q in asked},
        LookKind.LETTER: {letter.message.id: letter for letter in desk.letters},
        LookKind.HOLD: {str(n): hold for n, hold in enumerate(core.holds) if hold.kind is HoldKind.CAP},
        LookKind.MESSAGE: {message.id: message for message in core.messages[-100:]},
    }
    if not hive:
        values = {}
    items = [
        LookItem.model_validate({"version": core.looks, "kind": kind, "key": key, kind.value: value})
        for kind, found in values.items()
        for key, value in found.items()
    ]
    return LookReply(
        name=caller.name,
        role=caller.role,
        version=f"fake {core.looks}",
        complete=True,
        more=False,
        cursor=core.cursor,
        versions=core.versions,
        items=items,
        keys=[LookKeys(version=core.looks, kind=kind, keys=list(found)) for kind, found in values.items()],
    )


class FakeSession(Session):
    def __init__(self, core: FakeCore) -> None:
        self._core = core

    async def greet(self, request: Empty) -> GreetReply:
        return GreetReply(name=self._core.hive.name, stand_in=self._core.hive.stand_in)

    async def redeem(self, request: RedeemRequest) -> SignedInReply:
        self._core.addresses.append(request.address)
        who = self._core.invitations.pop(request.token, None)
        if who is None:
            raise NotSignedInError("This link was used already, or is too old.")
        return self._mint(*who)

    async def sign_in(self, request: SignInRequest) -> SignedInReply:
        self._core.addresses.append(request.address)
        if refusal := self._core.refusals.get("sign_in"):
            raise refusal
        password, role = self._core.passwords.get(request.name, (None, Role.VIEWER))
        if password != request.password:
            raise NotSignedInError("The name or the password is wrong.")
        return self._mint(request.name, role)

    async def describe(self, request: DescribeRequest) -> SessionReply:
        return self._core.caller(request.session)

    async def sign_out(self, request: SessionRequest) -> Empty:
        self._core.sessions.pop(request.session, None)
        return Empty()

    def _mint(self, name: str, role: Role) -> SignedInReply:
        token = self._core.sign_in(name, role)
        return SignedInReply(session=token, **self._core.sessions[token].model_dump())


class FakeOperator(FakeOffices):
    async def status(self, request: OperatorRequest) -> StatusReply:
        self._core.admit(request, "status")
        return StatusReply(
            hive=self._core.hive,
            agents=list(self._core.agents.values()),
            cursor=self._core.cursor,
            holds=self._core.holds,
        )

    async def send(self, request: OperatorSendRequest) -> OperatorSendReply:
        self._core.admit(request, "send")
        for message, earlier in zip(reversed(self._core.messages), reversed(self._core.sent), strict=False):
            if request.key is not None and earlier.key == request.key:
                return OperatorSendReply(id=message.id)
        self._core.sent.append(request)
        message = self._core.message(OPERATOR, request.to, request.body, in_reply_to=request.in_reply_to)
        if self._core.on_send:
            self._core.on_send(message)
        return OperatorSendReply(id=message.id)

    async def look(self, request: LookRequest) -> LookReply:
        """Everything, each time, as a version of its own."""
        core = self._core
        caller = core.admit(request, "look")
        reply, known, news = look_reply(core, caller, hive=request.hive), request.history, None
        if known is not None and known.version:
            news = await self.events(EventsRequest(session=request.session, agent=known.agent, after=known.after))
        reply = reply.model_copy(update={"history": f"{core.cursor} {core.forgotten}", "events": news})
        if core.on_look:
            await core.on_look()
        return reply

    async def messages(self, request: MessagesRequest) -> MessagesReply:
        self._core.admit(request, "messages")
        return MessagesReply(
            messages=self._core.messages[-request.limit :], more=len(self._core.messages) > request.limit
        )

    async def events(self, request: EventsRequest) -> EventsReply:
        self._core.admit(request, "events")
        before = self._core.cursor + 1 if request.before is None else request.before
        mine = [e for e in self._core.events if e.agent == request.agent]
        asked = [e for e in mine if request.after < e.id < before]
        return EventsReply(
            events=asked[-request.limit :],
            cursor=self._core.cursor,
            more=len(asked) > request.limit,
            oldest=mine[0].id if mine else 0,
        )

    async def watch(self, request: WatchRequest) -> AsyncIterator[WatchReply]:
        self._core.admit(request, "watch")
        async for reply in self._core.watch(request):
            yield reply

    async def spawn(self, request: SpawnRequest) -> Empty:
        self._core.admit(request, "spawn")
        if request.name in self._core.agents:
            raise ConflictError(f"There is an agent {request.name} already.", hint="Choose another name.")
        self._core.spawned.append(request)
        self._core.agent(request.name, AgentState.STARTING)
        return await self._life("spawn", request.name, AgentState.IDLE)

    async def start(self, request: AgentRequest) -> Empty:
        self._core.admit(request, "start")
        return await self._life("start", request.name, AgentState.IDLE)

    async def stop(self, request: AgentRequest) -> Empty:
        self._core.admit(request, "stop")
        return await self._life("stop", request.name, AgentState.STOPPED)

    async def restart(self, request: AgentRequest) -> Empty:
        self._core.admit(request, "restart")
        return await self._life("restart", request.name, AgentState.IDLE)

    async def _life(self, verb: str, name: str, end: AgentState) -> Empty:
        if name not in self._core.agents:
            raise NotFoundError(f"There is no agent {name}.")
        self._core.lives.append((verb, name))
        if self._core.hold is not None:
            await self._core.hold.wait()
        self._core.change(name, end)
        return Empty()
