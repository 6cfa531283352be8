"""The state of the hive and of each agent, put together from the parts that know it."""

from collections.abc import Sequence
from datetime import datetime

from hive_core.accounts.line import GatewayLine
from hive_core.accounts.policies import Policies
from hive_core.agents.agents import Agents
from hive_core.agents.models import Agent
from hive_core.broker.broker import Broker
from hive_core.commands import Commands
from hive_core.config import CoreConfig
from hive_core.events.events import Events
from hive_core.notes import Note, Notes
from hive_rpc.accounts import Hold
from hive_rpc.interfaces.operator.hive import AgentStatus, HiveStatus, StatusReply
from hive_rpc.interfaces.session import GreetReply
from hive_rpc.types import AgentState, Turn

WELL = frozenset(AgentState) - {AgentState.FAILED, AgentState.NEEDS_LOGIN}


class Overview:
    def __init__(
        self,
        *,
        config: CoreConfig,
        version: str,
        since: datetime,
        agents: Agents,
        broker: Broker,
        notes: Notes,
        events: Events,
        gateway: GatewayLine,
        policies: Policies,
        commands: Commands,
    ) -> None:
        self._config = config
        self._version = version
        self._since = since
        self._agents = agents
        self._broker = broker
        self._notes = notes
        self._events = events
        self._gateway = gateway
        self._policies = policies
        self._commands = commands

    async def status(self) -> StatusReply:
        # The cursor is read first: what happens in between is then told again rather than missed.
        glance = await self._events.glance([a.name for a in self._agents.all()])
        unread = await self._broker.unread_counts()
        notes = await self._notes.all()
        agents = self._agents.all()
        return StatusReply(
            hive=self.hive(agents),
            agents=[
                self.agent(a, unread.get(a.name, 0), glance.last_turns.get(a.name), notes.get(a.name)) for a in agents
            ],
            cursor=glance.cursor,
            holds=list(self._gateway.holds),
        )

    def greeting(self) -> GreetReply:
        backend = self._gateway.backend
        return GreetReply(name=self._config.name, stand_in=backend is not None and backend.stand_in)

    @property
    def holds(self) -> Sequence[Hold]:
        return self._gateway.holds

    @property
    def accounts_version(self) -> int:
        """Another one when the gateway reports others, and after each decision of operators' about them."""
        return self._gateway.version + self._policies.version

    @property
    def caps_version(self) -> int:
        """Another one after each decision of operators' about caps, and others like it."""
        return self._policies.version

    @property
    def commands_version(self) -> int:
        """Another one when what operators commanded agents is other than before."""
        return self._commands.version

    def hive(self, agents: Sequence[Agent]) -> HiveStatus:
        backend = self._gateway.backend
        return HiveStatus(
            name=self._config.name,
            version=self._version,
            since=self._since,
            stand_in=backend is not None and backend.stand_in,
            model_backend=backend.description if backend is not None else "",
            gateway=backend is not None,
            healthy=backend is not None and all(agent.state in WELL for agent in agents),
            dashboard=self._config.dashboard,
            stopped=self._policies.now.stopped,
        )

    def agent(self, agent: Agent, unread: int, last_turn: Turn | None, note: Note | None) -> AgentStatus:
        if note is not None and note.at < agent.created_at:
            # It is of an earlier agent of the same name.
            note = None
        wishes = self._commands.wishes(agent)
        return AgentStatus(
            name=agent.name,
            state=agent.state,
            since=agent.since,
            reason=agent.reason,
            until=agent.until,
            container=agent.container,
            machine=agent.machine,
            model=(last_turn.model if last_turn is not None else None) or wishes.model or agent.config.model,
            effort=wishes.effort,
            paused=wishes.paused,
            commands=self._commands.queued(agent),
            last_turn=last_turn,
            unread=unread,
            capabilities=sorted(agent.config.capabilities),
            created_at=agent.created_at,
            note=note.text if note is not None else None,
            note_at=note.at if note is not None else None,
        )
