"""`org.hive.Agent` as core answers it: one object for each connection of an agent's harness."""

from collections.abc import AsyncIterator, Sequence

from hive_base.clock import Clock
from hive_core.accounts.standing import Standing
from hive_core.agents.agents import Agents
from hive_core.api.dialogue import AgentDialogue, Dialogue
from hive_core.api.links import Links
from hive_core.commands import Commands
from hive_core.events.events import Events
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.agent import (
    AckReply,
    Command,
    CommandEndedRequest,
    HelloReply,
    HelloRequest,
    IdsRequest,
    NackRequest,
    Peer,
    PushEventsReply,
    PushEventsRequest,
    ReceiveReply,
    ReceiveRequest,
    RenewReply,
    ReportStateRequest,
    SendReply,
    SendRequest,
    WhoAmIReply,
)
from hive_rpc.types import Empty, EventKind


class AgentSession(AgentDialogue):
    """Acts for `name`, whatever the peer says: the socket is the name."""

    def __init__(
        self,
        name: str,
        *,
        version: str,
        agents: Agents,
        dialogue: Dialogue,
        events: Events,
        links: Links,
        standing: Standing,
        commands: Commands,
        clock: Clock,
    ) -> None:
        super().__init__(name, dialogue)
        self._version = version
        self._agents = agents
        self._broker = dialogue.broker
        self._events = events
        self._links = links
        self._standing = standing
        self._commands = commands
        self._clock = clock
        self._greeted: str | None = None
        """The instance this connection speaks for; None is whichever is the agent's current one."""

    async def closed(self) -> None:
        if self._greeted is not None and self._links.parted(self._name, self._greeted):
            await self._agents.harness_left(self._name, self._greeted)

    async def hello(self, request: HelloRequest) -> HelloReply:
        if self._greeted is not None:
            raise InvalidError("This connection has said hello already.", hint="Open another connection.")
        if not request.instance:
            raise InvalidError("An instance needs a name.", hint="Make a new id at each start of the harness.")
        await self._broker.hello(self._name, request.instance)
        await self._events.took_over(self._name, request.instance)
        self._greeted = request.instance
        self._links.greeted(self._name, request.instance)
        await self._agents.hello(self._name, request.instance)
        return HelloReply(name=self._name, hive_version=self._version, lease_seconds=self._broker.lease_seconds)

    async def send(self, request: SendRequest) -> SendReply:
        message = await self._broker.send(
            self._name,
            request.to,
            request.body,
            key=request.key,
            in_reply_to=request.in_reply_to,
            automatic=request.automatic,
        )
        return SendReply(id=message)

    async def receive(self, request: ReceiveRequest) -> ReceiveReply:
        messages = await self._broker.receive(
            self._name, self._greeted, wait_seconds=request.wait_seconds, limit=request.max, held=request.held
        )
        return ReceiveReply(messages=messages)

    async def renew(self, request: IdsRequest) -> RenewReply:
        return await self._broker.renew(self._name, self._greeted, request.ids)

    async def ack(self, request: IdsRequest) -> AckReply:
        return AckReply(acked=await self._broker.ack(self._name, self._greeted, request.ids))

    async def nack(self, request: NackRequest) -> Empty:
        await self._broker.nack(self._name, self._greeted, request.ids, request.reason, counted=request.counted)
        return Empty()

    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        me = self._agents.get(self._name)
        return WhoAmIReply(
            name=me.name,
            machine=me.machine,
            capabilities=sorted(me.config.capabilities),
            model=me.config.model,
            unread=await self._broker.unread(me.name),
            peers=[
                Peer(name=a.name, state=a.state)
                for a in self._agents.all()
                if self._broker.permits(me.name, a.name) and a.name != me.name
            ],
        )

    async def commands(self, request: Empty) -> AsyncIterator[Command]:
        async for command in self._links.commands(self._name, self._first_commands):
            yield command

    def _first_commands(self) -> Sequence[Command]:
        return [*self._standing.commands(self._name), *self._commands.for_harness(self._name)]

    async def command_ended(self, request: CommandEndedRequest) -> Empty:
        await self._commands.ended(self._name, request.id, request.refused)
        return Empty()

    async def report_state(self, request: ReportStateRequest) -> Empty:
        await self._agents.report_state(self._name, request)
        self._links.reported(self._name, request.state)
        return Empty()

    async def push_events(self, request: PushEventsRequest) -> PushEventsReply:
        for event in request.events:
            if event.kind is EventKind.TURN_STARTED and event.turn is not None:
                self._standing.turn_started(self._name, event.turn)
        sequence = await self._events.push(self._name, self._greeted or "", request.events)
        return PushEventsReply(sequence=sequence)
