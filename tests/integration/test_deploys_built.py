"""Deploys where what containers boot is built: `applied`, the meta flake and the system change, or none does."""

import asyncio
import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive_base.process import Completed
from hive_core.build.sandbox import Errand
from hive_core.deploys.lives import PURGE
from hive_core.jobs import Order, Running
from hive_core.jobs.jobs import RETRY_SECONDS
from hive_core.meta import lock
from hive_core.meta.inside import nix
from hive_core.meta.meta import Meta
from hive_rpc.configuration import Approval, ApprovalState, JobKind, JobState
from hive_rpc.errors import AgentFailedError, ConflictError, InvalidError, StorageError
from hive_rpc.types import AgentState
from tests.support.changing import ADA, MANAGER, Changing, core
from tests.support.fake_systemd import Bus, FakeSystemd, fake_systemd
from tests.support.nix_store import private_store, stubs

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners"),
    pytest.mark.skipif(shutil.which("nix") is None, reason="needs nix"),
]

OPUS = 'model = "opus"\n'
BROKEN = '{ ... }: { more = "echo no such program >&2; exit 1;"; }\n'


@dataclass
class World:
    root: Path
    store: Path
    bus: Bus
    systemd: FakeSystemd

    def core(self) -> AbstractAsyncContextManager[Changing]:
        return core(self.root, self.bus, self.systemd, stubs(self.root / "stubs", self.release), self.store)

    release: str = "one"


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    store = private_store(tmp_path / "nix", monkeypatch)
    async with fake_systemd(tmp_path) as (bus, systemd):
        yield World(tmp_path, store, bus, systemd)


@pytest.fixture
async def hive(world: World) -> AsyncIterator[Changing]:
    """With a manager and a worker."""
    async with world.core() as changing:
        await populate(changing)
        yield changing


async def populate(hive: Changing) -> None:
    await hive.spawn("manager", 'capabilities = ["manager"]\n')
    await hive.spawn("worker", 'model = "sonnet"\n')
    await hive.told("manager")
    await hive.told("worker")


def meta(hive: Changing) -> Meta:
    assert hive.changes.meta is not None
    return hive.changes.meta


async def all_three(hive: Changing, name: str = "worker") -> tuple[str | None, str | None, Path | None]:
    """What is applied, what is pinned, what is booted."""
    pins = lock.pins(await meta(hive).lock())
    return await hive.changes.repositories.head(name), pins.get(name), hive.lives.agents.get(name).system


async def propose(hive: Changing, config: str = OPUS, nix: str | None = None) -> Approval:
    files = {} if nix is None else {"agent_nix": nix}
    return await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", config, **files), "Why not")


async def test_a_new_agent_boots_what_was_built_from_its_commit(hive: Changing) -> None:
    worker = hive.lives.agents.get("worker")
    assert await all_three(hive) == (worker.sha, worker.sha, worker.system)
    assert worker.system is not None
    assert (worker.system / "said").read_text() == "release one\n"
    asked = hive.propose("scout", "", agent_nix="{ ... }: { more = missing; }")
    tree = await hive.changes.repositories.take("scout", asked)
    order = Order(JobKind.SPAWN, "scout", ADA, details={"config": tree.config, "sha": tree.sha})
    with pytest.raises(AgentFailedError, match="undefined variable 'missing'"):
        await hive.changes.jobs.do(order)
    assert "scout" not in hive.lives.agents.live_names()
    assert "scout" not in lock.pins(await meta(hive).lock())


async def test_an_approved_configuration_is_built_then_switched_to(hive: Changing) -> None:
    before = await all_three(hive)
    asked = await propose(hive, nix='{ ... }: { more = "echo in the log >&2;"; }\n')
    deployed = await hive.approved(asked)
    assert deployed.state is ApprovalState.DEPLOYED
    applied, pinned, system = await all_three(hive)
    assert applied == pinned == asked.sha
    assert system != before[2]
    _, log = await hive.changes.jobs.get(str(deployed.job))
    assert "in the log" in log
    assert hive.lives.agents.get("worker").config.model == "opus"
    assert hive.changes.meta is not None
    names = {entry.name for entry in (await hive.changes.inputs()).inputs}
    assert names == {"nixpkgs", "hive", "agent-manager", "agent-worker"}


async def test_what_does_not_evaluate_is_refused_before_a_person_sees_it(hive: Changing) -> None:
    with pytest.raises(InvalidError, match="undefined variable 'missing'"):
        await propose(hive, nix="{ ... }: { more = missing; }")
    assert await hive.changes.approvals.page() == []


async def test_what_cannot_be_built_changes_nothing_and_the_manager_gets_the_log(hive: Changing) -> None:
    before, instance = await all_three(hive), hive.lives.agents.get("worker").instance
    failed = await hive.approved(await propose(hive, nix=BROKEN))
    assert failed.state is ApprovalState.FAILED
    assert await all_three(hive) == before
    assert hive.lives.agents.get("worker").instance == instance, "it was not even drained"
    assert await hive.tags("worker") == {"proposal", "approved", "failed"}
    (said,) = await hive.told("manager")
    assert "no such program" in said


async def test_what_does_not_come_up_is_taken_back_in_all_three(hive: Changing) -> None:
    before = await all_three(hive)
    pinned = await meta(hive).lock()
    asked = await propose(hive)
    hive.lives.systemd.failing_once.add(hive.lives.unit("worker"))
    assert (await hive.approved(asked)).state is ApprovalState.FAILED
    assert await all_three(hive) == before
    assert await meta(hive).lock() == pinned
    assert hive.lives.agents.get("worker").state is AgentState.IDLE


async def test_a_build_can_be_called_off(hive: Changing) -> None:
    before = await all_three(hive)
    asked = await propose(hive)
    hangs, gone = _hang(hive, "build")
    approved = await hive.changes.proposals.approve(ADA, asked.id, "")
    await hangs.wait()
    job, _ = await hive.changes.jobs.cancel(str(approved.job), ADA)
    assert job.state is JobState.CANCELLED
    assert gone.is_set(), "nobody goes on building"
    assert (await hive.changes.approvals.get(asked.id)).state is ApprovalState.CANCELLED
    assert await all_three(hive) == before


async def test_a_destroyed_agent_is_pinned_no_more_and_comes_back_as_it_was(hive: Changing) -> None:
    worker = hive.lives.agents.get("worker")
    await hive.changes.jobs.do(Order(JobKind.DESTROY, "worker", ADA))
    assert "worker" not in lock.pins(await meta(hive).lock())
    config, sha = await hive.lives.agents.buried_config("worker")
    await hive.changes.jobs.do(Order(JobKind.SPAWN, "worker", ADA, details={"config": config, "sha": sha or ""}))
    assert await all_three(hive) == (worker.sha, worker.sha, worker.system)


async def test_what_a_purged_agent_booted_is_left_to_nix_s_collector(hive: Changing, world: World) -> None:
    worker, builds = hive.lives.agents.get("worker"), world.root / "lib" / "builds"
    link = builds / "agent-worker"

    def collect() -> None:
        subprocess.run(["nix-store", "--gc"], env=os.environ | nix.ENVIRONMENT, check=True, capture_output=True)

    assert worker.system is not None
    await hive.changes.jobs.do(Order(JobKind.DESTROY, "worker", ADA))
    collect()
    assert link.resolve() == worker.system
    assert worker.system.exists(), "it can be revived"
    await hive.changes.jobs.do(Order(JobKind.DESTROY, "worker", ADA, details={PURGE: "yes"}))
    collect()
    assert {path.name for path in builds.iterdir()} == {"agent-manager", "hive", "nixpkgs"}
    assert not worker.system.exists()


async def test_what_was_built_for_an_agent_that_did_not_come_up_is_left_to_nix_s_collector(
    hive: Changing, world: World
) -> None:
    def links() -> set[str]:
        return {path.name for path in (world.root / "lib" / "builds").iterdir()}

    def started(unit: str) -> None:
        at_start.append(links())
        plays(unit)

    before, plays = links(), hive.lives.systemd.on_start
    at_start: list[set[str]] = []
    hive.lives.systemd.on_start = started
    hive.lives.systemd.failing.add("container@h-scout.service")
    with pytest.raises(AgentFailedError):
        await hive.spawn("scout")
    assert at_start == [before | {"agent-scout"}], "control: it was built"
    assert links() == before
    hive.lives.systemd.failing.clear()
    await hive.spawn("scout")
    assert links() == before | {"agent-scout"}


async def test_an_agent_whose_creation_a_full_disk_held_up_boots_what_is_kept_for_it(
    hive: Changing, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, refused = world.root / "lib" / "builds" / "agent-scout", asyncio.Event()
    with monkeypatch.context() as full:

        async def say(running: Running, *lines: str) -> None:
            refused.set()
            raise StorageError

        async def spawn(*given: object) -> None:
            assert link.exists(), "control: it was built"
            full.setattr(Running, "say", say)
            raise StorageError

        full.setattr(hive.lives.agents, "spawn", spawn)
        spawning = asyncio.create_task(hive.spawn("scout"))
        await refused.wait()
    await hive.lives.pass_time(RETRY_SECONDS)
    await spawning
    scout = hive.lives.agents.get("scout")
    assert await all_three(hive, "scout") == (scout.sha, scout.sha, scout.system)
    assert link.resolve() == scout.system


async def test_an_agent_that_another_job_has_created_meanwhile_stays_what_it_is(hive: Changing, world: World) -> None:
    orders = [Order(JobKind.SPAWN, "scout", ADA, details={"config": config}) for config in ("", OPUS)]
    first, second = [(await hive.changes.jobs.wait(job.id))[0] for job in await hive.changes.jobs.submit(*orders)]
    assert (first.state, second.state) == (JobState.DONE, JobState.FAILED)
    assert "There is an agent scout already." in str(second.error)
    scout = hive.lives.agents.get("scout")
    assert scout.config_text == ""
    assert await all_three(hive, "scout") == (scout.sha, scout.sha, scout.system)
    assert (world.root / "lib" / "builds" / "agent-scout").resolve() == scout.system


async def test_an_update_is_proposed_shown_and_switched_to_by_everybody(hive: Changing, world: World) -> None:
    with pytest.raises(ConflictError, match="Nothing is new"):
        await hive.changes.proposals.update(MANAGER, [], "It is time.")
    stubs(world.root / "stubs", "two")
    asked = await hive.changes.proposals.update(MANAGER, [], "It is time.")
    assert asked.update_inputs is not None
    shown = await hive.changes.proposals.diff(asked, None)
    assert shown.startswith("@@ inputs @@\n-nixpkgs sha256-")
    assert "\n+nixpkgs sha256-" in shown
    assert (await hive.approved(asked)).state is ApprovalState.DEPLOYED
    for name in ("manager", "worker"):
        system = hive.lives.agents.get(name).system
        assert system is not None
        assert (system / "said").read_text() == "release two\n"
    manager, *outcome = await hive.told("manager")
    assert "After you come, 4 at a time: worker." in manager
    assert "carried out" in outcome[0]
    assert "inputs were updated" in (await hive.told("worker"))[0]
    assert lock.changes(await meta(hive).lock(), await hive.changes.approvals.config(asked.id)) == []


async def test_an_update_that_one_agent_does_not_survive_is_taken_back_by_all(hive: Changing, world: World) -> None:
    before = [await all_three(hive, name) for name in ("manager", "worker")]
    pinned = await meta(hive).lock()
    stubs(world.root / "stubs", "two")
    asked = await hive.changes.proposals.update(ADA, ["nixpkgs"], "")
    hive.lives.systemd.failing_once.add(hive.lives.unit("worker"))
    assert (await hive.approved(asked)).state is ApprovalState.FAILED
    assert [await all_three(hive, name) for name in ("manager", "worker")] == before
    assert await meta(hive).lock() == pinned
    assert {a.state for a in hive.lives.agents.all()} == {AgentState.IDLE}


async def test_an_update_is_done_alone(hive: Changing, world: World) -> None:
    stubs(world.root / "stubs", "two")
    asked = await hive.changes.proposals.update(ADA, [], "")
    hive.lives.hooks.drained.clear()
    (first,) = await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", ADA))
    await hive.lives.hooks.hear("drain", "worker")
    update = str((await hive.changes.proposals.approve(ADA, asked.id, "")).job)
    (last,) = await hive.changes.jobs.submit(Order(JobKind.RESTART, "manager", ADA))
    assert (await hive.changes.jobs.get(update))[0].state is JobState.WAITING
    hive.lives.hooks.drained.set()
    ended = [(await hive.changes.jobs.wait(job))[0] for job in (first.id, update, last.id)]
    assert {job.state for job in ended} == {JobState.DONE}
    times = [(job.started_at, job.ended_at) for job in ended]
    for (_, end), (start, _) in itertools.pairwise(times):
        assert end is not None
        assert start is not None
        assert start >= end


async def test_an_update_that_was_overtaken_by_another_is_not_carried_out(hive: Changing, world: World) -> None:
    stubs(world.root / "stubs", "two")
    first = await hive.changes.proposals.update(ADA, [], "")
    stubs(world.root / "stubs", "three")
    second = await hive.changes.proposals.update(ADA, [], "")
    assert (await hive.approved(second)).state is ApprovalState.DEPLOYED
    overtaken = await hive.approved(first)
    assert overtaken.state is ApprovalState.FAILED
    assert "meanwhile" in (overtaken.error or "")
    system = hive.lives.agents.get("worker").system
    assert system is not None
    assert (system / "said").read_text() == "release three\n"


async def test_agents_that_were_stateless_are_built_when_the_hive_is_not_any_more(world: World) -> None:
    async with core(world.root, world.bus, world.systemd) as stateless:
        await populate(stateless)
    async with world.core() as built:
        worker = await built.lives.hooks.see("worker", lambda agent: agent.system is not None)
        assert await all_three(built) == (worker.sha, worker.sha, worker.system)


def _hang(hive: Changing, *words: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Have core hang in the first errand with these words: set when it does, and when it is given up."""
    hangs, gone, ran = asyncio.Event(), asyncio.Event(), hive.sandbox.run

    async def run(errand: Errand) -> Completed:
        if set(words) <= {str(word) for word in errand.arguments}:
            hangs.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                gone.set()
        return await ran(errand)

    hive.sandbox.run = run  # type: ignore[method-assign]
    return hangs, gone
