"""Core, wired together: the one place that knows every part."""

import asyncio
import importlib.metadata
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from hive_base import log, service
from hive_base.clock import Clock, SystemClock
from hive_base.paths import ETC, LIB, RUN, RunPaths, StatePaths
from hive_base.tasks import alongside
from hive_base.users import GATEWAY, OPERATORS_GROUP, WEB
from hive_core import config
from hive_core.accounts.line import GatewayLine
from hive_core.accounts.metrics import AccountMetrics
from hive_core.accounts.policies import Policies
from hive_core.accounts.standing import Standing
from hive_core.agents.acquaintance import may_write
from hive_core.agents.agents import Agents
from hive_core.agents.config import AgentConfig, Capability
from hive_core.agents.directories import Directories
from hive_core.agents.models import Agent
from hive_core.agents.registry import Registry
from hive_core.api.account_verbs import Treasury
from hive_core.api.agent_session import AgentSession
from hive_core.api.authority import guarded, shell_gate, web_gate
from hive_core.api.dialogue import Dialogue
from hive_core.api.gateway_desk import GatewayDesk
from hive_core.api.links import Links
from hive_core.api.manager_session import ManagerSession
from hive_core.api.operator_verbs import OperatorVerbs, Parts
from hive_core.api.overview import Overview
from hive_core.api.session_desk import SessionDesk
from hive_core.broker import Broker, DeadLetters, History, Policy
from hive_core.build.transient import TransientUnits
from hive_core.commands import Commands
from hive_core.containers.containers import Containers
from hive_core.containers.driver import ContainerDriver
from hive_core.containers.models import ContainerKind
from hive_core.containers.nixos import NixosDriver
from hive_core.containers.stateless import StatelessDriver
from hive_core.containers.tools import TransientTools
from hive_core.declared import Declared
from hive_core.deploys.changes import changes
from hive_core.disks import Images
from hive_core.doctor import checks
from hive_core.doctor.doctor import Doctor
from hive_core.doctor.id_mapping import places_can_be_id_mapped
from hive_core.events.events import Events
from hive_core.events.hub import Hub
from hive_core.events.stats import Stats
from hive_core.files import Files
from hive_core.logs.journal import Journal
from hive_core.looks import Looks
from hive_core.meta.flake import Sources
from hive_core.meta.meta import STORE, Meta
from hive_core.metrics import Metrics
from hive_core.notes import Notes
from hive_core.operators.audit import Actor, Audit
from hive_core.operators.operators import Operators
from hive_core.operators.passwords import Passwords
from hive_core.operators.scraper import Scraper, from_systemd
from hive_core.operators.sessions import Sessions
from hive_core.questions import Questions
from hive_core.reminders import Reminders
from hive_core.retention import Retention
from hive_core.store import Database
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import HiveError
from hive_rpc.interface import Interface
from hive_rpc.interfaces.agent import Command, CommandKind
from hive_rpc.server import Peer, Server
from hive_rpc.types import Message, StateChange

VERSION = importlib.metadata.version("hive")


class _Hooks:
    """What the agents' lives tell the rest of core."""

    def __init__(self, links: Links, gateway: GatewayLine, events: Events) -> None:
        self._links = links
        self._gateway = gateway
        self._events = events
        self._broker: Broker | None = None
        self._told: dict[str, StateChange] = {}
        self._configs: dict[str, AgentConfig] = {}
        self.refresh: Callable[[], None] = lambda: None
        """Tells the harnesses what concerns them; given when core is wired, because it needs the agents in turn."""

    def attach(self, broker: Broker) -> None:
        """The broker needs the agents' names, and so comes after the agents, which need these hooks."""
        self._broker = broker

    async def listen(self, agent: str) -> None:
        await self._links.listen(agent)

    async def unlisten(self, agent: str) -> None:
        await self._links.unlisten(agent)

    async def drain(self, agent: str) -> None:
        await self._links.drain(agent)

    def interrupt(self, agent: str) -> None:
        self._links.command(agent, Command(kind=CommandKind.CANCEL))

    async def container_died(self, agent: str) -> None:
        if self._broker is not None:
            await self._broker.container_died(agent)
        await self._events.took_over(agent, None)

    def changed(self, agent: str, now: Agent | None) -> None:
        # An agent that comes or goes is the gateway's business, too.
        if now is None:
            self._told.pop(agent, None)
            self._configs.pop(agent, None)
            self._gateway.agents_changed()
            return
        if self._configs.get(agent) != now.config:
            self._configs[agent] = now.config
            self._gateway.agents_changed()
            self.refresh()
        change = StateChange(state=now.state, since=now.since, reason=now.reason, until=now.until)
        told = self._told.get(agent)
        self._told[agent] = change
        if told is None or told.model_copy(update={"since": now.since}) != change:
            self._events.tell_state(agent, change)


def _driver(kind: ContainerKind, systemd: Systemd, run: RunPaths, state: StatePaths) -> ContainerDriver:
    match kind:
        case ContainerKind.STATELESS:
            return StatelessDriver(run, state)
        case ContainerKind.NIXOS:
            return NixosDriver(run, state, systemd, TransientTools())


@asynccontextmanager
async def core(
    settings: config.CoreConfig, clock: Clock, *, run: RunPaths, state: StatePaths, scraper: Scraper
) -> AsyncIterator[None]:
    """Every part, running; leaving stops them in the opposite order. Containers live on."""
    async with AsyncExitStack() as stack:
        state.core_database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        run.agents.mkdir(mode=0o755, parents=True, exist_ok=True)
        database = await stack.enter_async_context(Database(state.core_database, "core"))
        events_database = await stack.enter_async_context(Database(state.events_database, "events"))

        metrics = Metrics(database, {"core": database, "events": events_database}, clock)
        hub = await Hub.of(events_database)
        events = Events(events_database, clock, hub, dropped=metrics.dropped)
        audit = Audit(database)
        links = Links(run)
        stack.push_async_callback(links.close)
        gateway = GatewayLine()
        metrics.include(AccountMetrics(gateway))
        journal = Journal()
        systemd = Systemd(clock, watched="container@")
        await systemd.connect()
        driver = _driver(settings.containers, systemd, run, state)
        containers = Containers(systemd, driver)
        hooks = _Hooks(links, gateway, events)
        agents = Agents(
            registry=Registry(database),
            containers=containers,
            directories=Directories(run, state, Images(), shared_mib=settings.shared_mib),
            journal=journal,
            hooks=hooks,
            clock=clock,
        )

        def decided() -> None:
            gateway.agents_changed()
            standing.refresh()

        policies = Policies(database, clock, decided)
        commands = Commands(database, clock, agents, command=links.command, tell=events.tell)
        standing = Standing(
            gateway,
            policies,
            agents,
            links.command,
            lambda agent: str(run.gateway_directory(agent)),
            commands.settings,
        )
        gateway.reported = hooks.refresh = commands.changed = standing.refresh
        commands.waking = standing.let_try
        await policies.load()
        await commands.load()

        def told(message: Message) -> None:
            events.tell_message(message)
            metrics.sent(message)

        broker = Broker(
            database,
            clock,
            agents.live_names,
            policy=Policy(lease_seconds=settings.lease_seconds, max_attempts=settings.max_attempts),
            may_write=partial(may_write, agents),
            sent=told,
        )
        hooks.attach(broker)
        notes = Notes(database, clock, events.tell)
        questions = Questions(database, clock, broker)
        reminders = Reminders(database, clock, agents.live_names, broker.announce, attempted=metrics.reminded)
        history = History(database)
        retention = Retention(
            database,
            events_database,
            clock,
            settings.retention.policy(),
            index=history.index,
            swept=metrics.swept,
        )
        changing = changes(
            database,
            clock,
            state=state,
            sandbox=TransientUnits(),
            agents=agents,
            broker=broker,
            meta=Meta(TransientUnits(), state, clock, Sources(nixpkgs=settings.nixpkgs))
            if settings.containers is ContainerKind.NIXOS
            else None,
        )
        declared = Declared(ETC / "agents", database, changing)
        dialogue = Dialogue(
            broker=broker,
            history=history,
            dead_letters=DeadLetters(database, clock, broker.wake),
            questions=questions,
            reminders=reminders,
            notes=notes,
            approvals=changing.approvals,
            check_known=agents.check_known,
        )
        passwords = Passwords()
        sessions = Sessions(database, clock, passwords)
        overview = Overview(
            config=settings,
            version=VERSION,
            since=clock.now(),
            agents=agents,
            broker=broker,
            notes=notes,
            events=events,
            gateway=gateway,
            policies=policies,
            commands=commands,
        )
        parts = Parts(
            config=settings,
            clock=clock,
            agents=agents,
            broker=broker,
            dialogue=dialogue,
            treasury=Treasury(
                line=gateway, policies=policies, standing=standing, agents=agents, audit=audit, clock=clock
            ),
            events=events,
            hub=hub,
            operators=Operators(database, clock, passwords),
            audit=audit,
            journal=journal,
            overview=overview,
            looks=Looks(
                core=database,
                events=events_database,
                hub=hub,
                clock=clock,
                agents=agents,
                overview=overview,
                approvals=changing.approvals,
                jobs=changing.jobs,
                questions=questions,
                dead_letters=dialogue.dead_letters,
            ),
            doctor=Doctor(
                [
                    checks.containers_can_run(settings.containers, driver),
                    # What agents write is in images, which are ext4 anywhere.
                    places_can_be_id_mapped(
                        [run.root, *([STORE] if settings.containers is ContainerKind.NIXOS else [])]
                    ),
                    checks.gateway_is_there(gateway),
                    checks.agents_are_well(agents),
                    checks.declarations_are_carried_out(declared),
                    checks.database_is_sound("core", database),
                    checks.database_is_sound("events", events_database),
                    checks.disk_has_room(state.root),
                    checks.what_agents_fill_has_room(agents, state),
                    checks.state_is_walled_off(state.root),
                    checks.files_can_be_read(state.root),
                    checks.inotify_is_enough(agents),
                ]
            ),
            metrics=metrics,
            sessions=sessions,
            files=Files(state),
            stats=Stats(events_database, clock),
            commands=commands,
            changes=changing,
        )

        def agent_handlers(name: str, peer: Peer) -> Sequence[Interface]:
            handlers: list[Interface] = [
                AgentSession(
                    name,
                    version=VERSION,
                    agents=agents,
                    dialogue=dialogue,
                    events=events,
                    links=links,
                    standing=standing,
                    commands=commands,
                    clock=clock,
                )
            ]
            if Capability.MANAGER in agents.get(name).config.capabilities:
                handlers.append(ManagerSession(name, agents=agents, broker=broker, changes=changing, journal=journal))
            return handlers

        def verbs(actor: Actor) -> OperatorVerbs:
            return OperatorVerbs(parts, actor)

        links.handlers = agent_handlers
        operator_server = Server(lambda peer: [guarded(shell_gate(peer), verbs)])
        desk = SessionDesk(sessions, overview.greeting)
        web_server = Server(lambda peer: [guarded(web_gate(sessions, scraper), verbs), desk])
        gateway_server = Server(lambda peer: [GatewayDesk(line=gateway, standing=standing)])

        await broker.start()
        await agents.adopt()
        for server, path, group in (
            (operator_server, run.operator_socket, OPERATORS_GROUP.uid),
            (web_server, run.web_socket, WEB.uid),
            (gateway_server, run.gateway_control_socket, GATEWAY.uid),
        ):
            await server.listen(path, mode=0o660, uid=0, gid=group)
            stack.push_async_callback(server.close)
        await stack.enter_async_context(
            alongside(systemd.run(), broker.run(), questions.run(), reminders.run(), retention.run(), agents.run())
        )
        await stack.enter_async_context(alongside(changing.run(), declared.run()))
        yield


async def _serve(settings: config.CoreConfig, scraper: Scraper, run: RunPaths, state: StatePaths) -> None:
    asked_to_stop = service.asked_to_stop()
    clock = SystemClock()
    async with (
        core(settings, clock, run=run, state=state, scraper=scraper),
        alongside(service.beat(clock)),
    ):
        service.notify("READY=1")
        await asked_to_stop.wait()
        service.notify("STOPPING=1")


def main(run: Path = RUN, state: Path = LIB) -> None:
    log.setup()
    try:
        asyncio.run(_serve(config.load(), from_systemd(), RunPaths(run), StatePaths(state)))
    except HiveError as error:
        sys.exit(error.sentence())
