"""Core ends in the middle of every step of every kind of job, and its next start brings the job to its end.

A step is an errand of hive-build's, a drain, or a boot: core ends before it, and once more when it is done but nobody
has written that down.
"""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hive_base.process import Completed
from hive_core.build.sandbox import Errand
from hive_core.jobs import Order
from hive_core.meta import lock
from hive_rpc.configuration import JobKind, JobState
from hive_rpc.types import AgentState
from tests.support.changing import ADA, MANAGER, Changing, core
from tests.support.fake_systemd import Bus, FakeSystemd, fake_systemd
from tests.support.nix_store import private_store, stubs

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners"),
    pytest.mark.skipif(shutil.which("nix") is None, reason="needs nix"),
]

ENOUGH = 60
"""No job has so many steps."""


class Killer:
    """Hangs core at its nth chance, or at the one with this name. What it does then is not done, whatever it is."""

    def __init__(self, hive: Changing, where: int | str) -> None:
        self.struck = asyncio.Event()
        self.at = ""
        self._where = where
        self._seen: Counter[str] = Counter()
        self._errands, self._drains, self._deaths = (
            hive.sandbox.run,
            hive.lives.hooks.drain,
            hive.lives.hooks.container_died,
        )
        hive.sandbox.run = self._run  # type: ignore[method-assign]
        hive.lives.hooks.drain = self._drain  # type: ignore[method-assign]
        hive.lives.hooks.container_died = self._died  # type: ignore[method-assign]
        started = hive.lives.systemd.on_start

        def on_start(unit: str) -> None:
            if self._is_now("boot"):
                # systemd starts it, and core does not hear of a hello any more.
                hive.lives.silent = True
                self.struck.set()
            started(unit)

        hive.lives.systemd.on_start = on_start

    async def _run(self, errand: Errand) -> Completed:
        words = [str(word) for word in errand.arguments]
        verb = words[words.index("-m") + 2]
        await self._chance(f"before {verb}")
        done = await self._errands(errand)
        await self._chance(f"after {verb}")
        return done

    async def _drain(self, agent: str) -> None:
        await self._chance("before drain")
        await self._drains(agent)
        await self._chance("after drain")

    async def _died(self, agent: str) -> None:
        await self._deaths(agent)
        await self._chance("after stop")

    async def _chance(self, what: str) -> None:
        if self._is_now(what):
            self.struck.set()
        if self.struck.is_set():
            await asyncio.get_running_loop().create_future()

    def _is_now(self, what: str) -> bool:
        position = self._seen.total()
        self._seen[what] += 1
        name = f"{what} {self._seen[what]}"
        if self.at or self._where not in (position, name):
            return False
        self.at = name
        return True


class Unhealthy(set[str]):
    """The worker's unit, while the worker is configured otherwise than in the beginning."""

    def __init__(self, hive: Changing) -> None:
        self._hive = hive

    def __contains__(self, unit: object) -> bool:
        return (
            unit == self._hive.lives.unit("worker") and self._hive.lives.agents.get("worker").config.environment != {}
        )

    def __or__(self, others: object) -> "Unhealthy":  # type: ignore[override]
        return self


@dataclass
class World:
    root: Path
    bus: Bus
    systemd: FakeSystemd
    store: Path | None
    release: int = 0

    def core(self) -> AbstractAsyncContextManager[Changing]:
        if self.store is None:
            return core(self.root, self.bus, self.systemd)
        return core(self.root, self.bus, self.systemd, self.sources(), self.store)

    def sources(self) -> Any:
        return stubs(self.root / "stubs", str(self.release))


@pytest.fixture(params=["stateless", "nixos"])
async def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    store = private_store(tmp_path / "nix", monkeypatch) if request.param == "nixos" else None
    async with fake_systemd(tmp_path) as (bus, systemd):
        world = World(tmp_path, bus, systemd, store)
        async with world.core() as hive:
            await hive.spawn("manager", 'capabilities = ["manager"]\n')
            await hive.spawn("worker")
            await hive.told("manager")
        yield world


async def _submit(hive: Changing, order: Order) -> str:
    return (await hive.changes.jobs.submit(order))[0].id


async def _approve(hive: Changing, asked: Any) -> str:
    return str((await hive.changes.proposals.approve(ADA, asked.id, "")).job)


async def rebuild(hive: Changing, number: int) -> Callable[[], Any]:
    sha = hive.propose("worker", f'[environment]\nNUMBER = "{number}"\n')
    asked = await hive.changes.proposals.apply(MANAGER, "worker", sha, "x")
    return lambda: _approve(hive, asked)


async def fail(hive: Changing, number: int) -> Callable[[], Any]:
    return await rebuild(hive, number)


async def spawn(hive: Changing, number: int) -> Callable[[], Any]:
    sha = hive.propose(f"n{number}", "")
    asked = await hive.changes.proposals.spawn(MANAGER, f"n{number}", sha, "x")
    return lambda: _approve(hive, asked)


async def destroy(hive: Changing, number: int) -> Callable[[], Any]:
    await hive.spawn(f"d{number}")
    asked = await hive.changes.proposals.destroy(MANAGER, f"d{number}", "x")
    return lambda: _approve(hive, asked)


async def restart(hive: Changing, number: int) -> Callable[[], Any]:
    return lambda: _submit(hive, Order(JobKind.RESTART, "worker", MANAGER))


async def stop(hive: Changing, number: int) -> Callable[[], Any]:
    await hive.changes.jobs.do(Order(JobKind.START, "worker", ADA))
    return lambda: _submit(hive, Order(JobKind.STOP, "worker", MANAGER))


async def start(hive: Changing, number: int) -> Callable[[], Any]:
    await hive.changes.jobs.do(Order(JobKind.STOP, "worker", ADA))
    return lambda: _submit(hive, Order(JobKind.START, "worker", MANAGER))


async def update(hive: Changing, number: int) -> Callable[[], Any]:
    asked = await hive.changes.proposals.update(MANAGER, [], "x")
    return lambda: _approve(hive, asked)


def rebuilt(hive: Changing, number: int) -> None:
    worker = hive.lives.agents.get("worker")
    assert worker.config.environment == {"NUMBER": str(number)}
    assert worker.state is AgentState.IDLE


def as_before(hive: Changing, number: int) -> None:
    worker = hive.lives.agents.get("worker")
    assert worker.config.environment == {}
    assert worker.state is AgentState.IDLE


def spawned(hive: Changing, number: int) -> None:
    assert hive.lives.agents.get(f"n{number}").state is AgentState.IDLE


def destroyed(hive: Changing, number: int) -> None:
    assert f"d{number}" not in hive.lives.agents.live_names()


def runs(hive: Changing, number: int) -> None:
    assert hive.lives.agents.get("worker").state is AgentState.IDLE


def stopped(hive: Changing, number: int) -> None:
    assert hive.lives.agents.get("worker").state is AgentState.STOPPED


def updated(hive: Changing, number: int) -> None:
    for agent in hive.lives.agents.all():
        assert agent.system is not None
        assert (agent.system / "said").read_text() == f"release {number + 1}\n"


KINDS: Sequence[tuple[Callable[[Changing, int], Any], Callable[[Changing, int], None]]] = [
    (rebuild, rebuilt),
    (fail, as_before),
    (spawn, spawned),
    (destroy, destroyed),
    (restart, runs),
    (start, runs),
    (stop, stopped),
    (update, updated),
]


async def consistent(hive: Changing) -> None:
    """What is applied, pinned and booted is one thing, for each agent."""
    pins = lock.pins(await hive.changes.meta.lock()) if hive.changes.meta is not None else None
    for agent in hive.lives.agents.all():
        assert await hive.changes.repositories.head(agent.name) == agent.sha
        assert pins is None or pins[agent.name] == agent.sha
    assert pins is None or pins.keys() == hive.lives.agents.live_names()


WHERE_BUILT: Mapping[Callable[..., Any], Sequence[str]] = {
    rebuild: ["before build 1", "after build 1", "after move 1", "after lock 1", "after commit 1", "boot 1"],
    fail: ["after stop 1", "before move 2", "after commit 2"],
    spawn: ["after build 1", "before commit 1", "boot 1"],
    destroy: ["after stop 1", "before commit 1"],
    update: ["after build 1", "after build 2", "after commit 1", "boot 1", "before drain 2", "boot 2"],
}
"""What is done otherwise where systems are built, or only there."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("begin", "ended"), KINDS, ids=[begin.__name__ for begin, _ in KINDS])
async def test_a_job_comes_to_its_end_wherever_core_was_killed(
    begin: Callable[[Changing, int], Any], ended: Callable[[Changing, int], None], world: World
) -> None:
    built = world.store is not None
    places: Sequence[int | str] = WHERE_BUILT.get(begin, ()) if built else range(ENOUGH if begin is not update else 0)
    for number, where in enumerate(places):
        world.release = number + 1
        async with world.core() as first:
            first.lives.systemd.failing = Unhealthy(first) if begin is fail else set()
            submit = await begin(first, number)
            await first.told("manager")
            killer = Killer(first, where)
            job = await submit()
            striking = asyncio.ensure_future(killer.struck.wait())
            ending = asyncio.ensure_future(first.changes.jobs.wait(job))
            await asyncio.wait((striking, ending), return_when=asyncio.FIRST_COMPLETED)
            for task in (striking, ending):
                task.cancel()
            await asyncio.wait((striking, ending))
        async with world.core() as second:
            second.lives.systemd.failing = Unhealthy(second) if begin is fail else set()
            done, log = await second.changes.jobs.wait(job)
            assert done.state is (JobState.FAILED if begin is fail else JobState.DONE), (killer.at, log)
            ended(second, number)
            await consistent(second)
            told = [body for body in await second.told("manager") if not body.startswith("You were restarted")]
            assert len(told) == 1, (killer.at, told)
        assert killer.at or not built, f"there is no {where}"
        if not killer.at:
            # It came to its end by itself: there was no such chance any more.
            assert 0 < number < ENOUGH - 1
            break
