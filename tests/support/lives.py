"""Agents' lives with everything real but systemd, the journal and the harness, which do what a test tells them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from hive_base.paths import RunPaths, StatePaths
from hive_core.agents.agents import Agents
from hive_core.agents.directories import Directories
from hive_core.agents.models import Agent
from hive_core.agents.registry import Registry
from hive_core.containers.containers import Containers
from hive_core.containers.models import unit_of
from hive_core.containers.stateless import StatelessDriver
from hive_core.logs.journal import Journal
from hive_core.store import Database
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import StorageError
from hive_rpc.logs import LogLine
from tests.support.fake_systemd import LEADER, Bus, FakeSystemd
from tests.support.manual_clock import ManualClock
from tests.support.plain_disks import PlainDisks

WORDS = "the last words"


class WordyJournal(Journal):
    """Every container said the same at its end."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def last_words(self, machine: str, lines: int, *, invocation: str) -> list[LogLine]:
        return [LogLine(at=self._clock.now(), source="hive-agent", priority=3, text=WORDS)]


@dataclass
class RecordingHooks:
    """Remembers what it was told, and wakes who waits for it."""

    told: list[tuple[str, str]] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    """What a drain waits for; set from the beginning."""
    disk_is_full: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.drained.set()

    async def listen(self, agent: str) -> None:
        self._tell("listen", agent)

    async def unlisten(self, agent: str) -> None:
        self._tell("unlisten", agent)

    async def drain(self, agent: str) -> None:
        self._tell("drain", agent)
        await self.drained.wait()
        self._tell("drained", agent)

    def interrupt(self, agent: str) -> None:
        self._tell("interrupt", agent)

    async def container_died(self, agent: str) -> None:
        self._tell("died", agent)
        if self.disk_is_full:
            raise StorageError

    def changed(self, agent: str, now: Agent | None) -> None:
        if now is None:
            self.agents.pop(agent, None)
        else:
            self.agents[agent] = now
        self._wake()

    async def see(self, name: str, condition: Callable[[Agent], bool]) -> Agent:
        """Wait until the agent is as the condition says."""
        while name not in self.agents or not condition(self.agents[name]):
            await self._changed.wait()
        return self.agents[name]

    async def hear(self, what: str, agent: str) -> None:
        while (what, agent) not in self.told:
            await self._changed.wait()

    def _tell(self, what: str, agent: str) -> None:
        self.told.append((what, agent))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass
class Lives:
    """A core's agents, and the world around them."""

    agents: Agents
    hooks: RecordingHooks
    clock: ManualClock
    systemd: FakeSystemd
    run: RunPaths
    state: StatePaths
    confs: Path
    database: Database
    proc: Path
    instances: int = 0
    silent: bool = False
    """Harnesses say no hello."""

    def map_users(self, first: int) -> None:
        """From now on containers' users are the machine's from this one on."""
        for name in ("uid_map", "gid_map"):
            (self.proc / str(LEADER) / name).write_text(f"         0 {first:10} {65536:10}\n")

    def unit(self, name: str) -> str:
        return unit_of(self.hooks.agents[name].machine)

    async def pass_time(self, seconds: float) -> None:
        # First those who are about to wait for a moment begin to wait.
        await self.clock.advance(0)
        await self.clock.advance(seconds)

    async def greet(self, name: str) -> None:
        """The harness of a new instance says hello."""
        self.instances += 1
        await self.agents.hello(name, f"instance-{self.instances}")


@contextlib.asynccontextmanager
async def core(root: Path, bus: Bus, fake: FakeSystemd) -> AsyncIterator[Lives]:
    """One run of core, which has adopted what was there."""
    clock, hooks = ManualClock(), RecordingHooks()
    run, state = RunPaths(root / "run"), StatePaths(root / "lib")
    confs = root / "confs"
    run.root.mkdir(exist_ok=True)
    state.root.mkdir(mode=0o700, exist_ok=True)
    async with Database(state.core_database, "core") as database:
        proc = root / "proc"
        (proc / str(LEADER)).mkdir(parents=True, exist_ok=True)
        systemd = Systemd(clock, watched="container@", address=bus.address)
        await systemd.connect()
        agents = Agents(
            registry=Registry(database),
            containers=Containers(
                systemd, StatelessDriver(run, state, confs=confs, secrets=root / "secrets"), proc=proc
            ),
            directories=Directories(run, state, PlainDisks()),
            journal=WordyJournal(clock),
            hooks=hooks,
            clock=clock,
        )
        lives = Lives(agents, hooks, clock, fake, run, state, confs, database, proc)
        lives.map_users(524288)
        greetings: set[asyncio.Task[None]] = set()

        def started(unit: str) -> None:
            if unit in fake.failing | fake.failing_once:
                return
            fake.runs(unit)
            name = next(a.name for a in hooks.agents.values() if unit_of(a.machine) == unit)
            if not lives.silent:
                greetings.add(asyncio.ensure_future(lives.greet(name)))

        fake.on_start = started
        await agents.adopt()
        running = [asyncio.ensure_future(systemd.run()), asyncio.ensure_future(agents.run())]
        try:
            yield lives
        finally:
            for task in (*running, *greetings):
                task.cancel()
            ended, _ = await asyncio.wait([*running, *greetings])
            for task in ended:
                if not task.cancelled() and (error := task.exception()):
                    raise error
