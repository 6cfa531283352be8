"""Agents' lives: what the verbs do, what is left when they fail, and what is shown of what happens by itself."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from hive_base.tasks import alongside
from hive_core.agents.containment import HELLO_SECONDS
from hive_core.agents.models import Agent
from hive_core.agents.starter import FIRST_PAUSE
from hive_core.broker import Broker
from hive_core.events.cutting import MAX_REASON
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import AgentFailedError, ConflictError, InvalidError, NotFoundError, UnavailableError
from hive_rpc.interfaces.agent import ReportStateRequest
from hive_rpc.types import OPERATOR, SYSTEM, AgentState, ContainerState
from tests.support.fake_systemd import Bus, FakeSystemd, fake_systemd
from tests.support.lives import WORDS, Lives, core

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="agents' directories get other owners")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Bus, FakeSystemd]]:
    async with fake_systemd(tmp_path) as found:
        yield found


@pytest.fixture
async def lives(tmp_path: Path, world: tuple[Bus, FakeSystemd]) -> AsyncIterator[Lives]:
    async with core(tmp_path, *world) as lives:
        yield lives


def everything(lives: Lives) -> set[str]:
    """Every file that has to do with agents."""
    trees = (lives.run.agents, lives.state.root / "agents", lives.state.shared, lives.confs)
    return {str(path) for tree in trees for path in tree.rglob("*")}


def is_tried_later_than(moment: datetime, agent: Agent) -> bool:
    return agent.until is not None and agent.until > moment


async def test_a_spawned_agent_is_idle_with_a_container_that_runs(lives: Lives) -> None:
    await lives.agents.spawn("worker", 'model = "sonnet"')
    agent = lives.agents.get("worker")
    assert (agent.state, agent.container, agent.machine) == (AgentState.IDLE, ContainerState.RUNNING, "h-worker")
    assert agent.config.model == "sonnet"
    assert lives.agents.live_names() == {"worker"}


async def test_its_socket_is_open_and_its_limits_are_set_before_it_boots(lives: Lives) -> None:
    await lives.agents.spawn("worker", "[limits]\nmemory_mib = 512\ncpu_percent = 50\ntasks = 99")
    assert ("listen", "worker") in lives.hooks.told
    asked = [member for member, _ in lives.systemd.asked]
    assert asked.index("SetUnitProperties") < asked.index("StartUnit")
    _, (_, _, properties) = next(a for a in lives.systemd.asked if a[0] == "SetUnitProperties")
    limits = {name: value.value for name, value in properties}
    assert limits == {"MemoryMax": 512 * 1024**2, "CPUQuotaPerSecUSec": 500_000, "TasksMax": 99}


async def test_a_name_is_given_once(lives: Lives) -> None:
    first, second = await asyncio.gather(
        lives.agents.spawn("worker", None), lives.agents.spawn("worker", None), return_exceptions=True
    )
    assert not isinstance(first, BaseException)
    assert isinstance(second, ConflictError)
    assert lives.agents.get("worker").state is AgentState.IDLE


@pytest.mark.parametrize("name", ["operator", "hive", "Worker", "a_b", "-a", "a--b", "", "a" * 32, "../x"])
async def test_a_name_that_no_agent_can_have_is_refused(lives: Lives, name: str) -> None:
    with pytest.raises(InvalidError):
        await lives.agents.spawn(name, None)
    assert lives.agents.all() == []


@pytest.mark.parametrize("cause", ["container", "hello"])
async def test_of_a_spawn_that_fails_nothing_is_left_and_the_cause_is_told(lives: Lives, cause: str) -> None:
    before = everything(lives)
    if cause == "container":
        lives.systemd.failing.add("container@h-worker.service")
        expected = "ended with exit code 1"
    else:
        lives.silent = True
        expected = "did not say hello"
    spawning = asyncio.ensure_future(lives.agents.spawn("worker", None))
    if cause == "hello":
        await lives.hooks.see("worker", lambda a: a.container is ContainerState.RUNNING)
        while not spawning.done():
            await lives.pass_time(HELLO_SECONDS)
    with pytest.raises(AgentFailedError, match=expected) as failure:
        await spawning
    assert WORDS in failure.value.message
    assert lives.agents.all() == []
    assert {path for path in everything(lives) - before if "worker" in path} == set()
    assert ("unlisten", "worker") in lives.hooks.told
    assert lives.systemd.units["container@h-worker.service"]["ActiveState"].value == "inactive"


async def test_a_failed_spawn_leaves_alone_what_an_earlier_agent_of_that_name_wrote(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    note = lives.state.state("worker") / "note"
    note.write_text("kept")
    await lives.agents.destroy("worker", by="ada")
    lives.systemd.failing.add("container@h-worker.service")
    with pytest.raises(AgentFailedError):
        await lives.agents.spawn("worker", None)
    assert note.read_text() == "kept"


async def test_a_spawn_goes_on_when_the_caller_goes_away(lives: Lives) -> None:
    lives.silent = True
    spawning = asyncio.ensure_future(lives.agents.spawn("worker", None))
    await lives.hooks.see("worker", lambda a: a.container is ContainerState.RUNNING)
    spawning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await spawning
    await lives.greet("worker")
    await lives.hooks.see("worker", lambda a: a.state is AgentState.IDLE)


async def test_a_stop_lets_the_turn_finish_first(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    lives.hooks.drained.clear()
    stopping = asyncio.ensure_future(lives.agents.stop("worker"))
    await lives.hooks.hear("drain", "worker")
    assert lives.agents.get("worker").state is AgentState.STOPPING
    assert lives.agents.get("worker").container is ContainerState.RUNNING
    lives.hooks.drained.set()
    await stopping
    agent = lives.agents.get("worker")
    assert (agent.state, agent.container) == (AgentState.STOPPED, ContainerState.STOPPED)
    assert lives.hooks.told[-3:] == [("drain", "worker"), ("drained", "worker"), ("died", "worker")]


async def test_a_stop_waits_for_the_turn_no_longer_than_configured(lives: Lives) -> None:
    await lives.agents.spawn("worker", "drain_seconds = 7")
    lives.hooks.drained.clear()
    stopping = asyncio.ensure_future(lives.agents.stop("worker"))
    await lives.hooks.hear("drain", "worker")
    await lives.pass_time(6.9)
    assert not stopping.done()
    await lives.pass_time(0.2)
    await stopping
    assert ("drained", "worker") not in lives.hooks.told
    assert lives.hooks.told[-2:] == [("interrupt", "worker"), ("died", "worker")]


async def test_a_stopped_agent_starts_again_and_one_that_is_well_is_left_alone(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    await lives.agents.stop("worker")
    await lives.agents.start("worker")
    assert lives.agents.get("worker").state is AgentState.IDLE
    starts = [a for a in lives.systemd.asked if a[0] == "StartUnit"]
    await lives.agents.start("worker")
    assert [a for a in lives.systemd.asked if a[0] == "StartUnit"] == starts


async def test_a_restart_is_a_stop_and_a_start(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    before = lives.agents.get("worker").instance
    await lives.agents.restart("worker")
    after = lives.agents.get("worker")
    assert after.state is AgentState.IDLE
    assert after.instance != before
    assert ("drained", "worker") in lives.hooks.told


async def test_verbs_on_one_agent_wait_for_each_other(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    lives.hooks.drained.clear()
    stopping = asyncio.ensure_future(lives.agents.stop("worker"))
    await lives.hooks.hear("drain", "worker")
    starting = asyncio.ensure_future(lives.agents.start("worker"))
    lives.hooks.drained.set()
    await asyncio.gather(stopping, starting)
    assert lives.agents.get("worker").state is AgentState.IDLE


async def test_a_destroyed_agent_is_gone_and_its_files_are_kept(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    (lives.state.state("worker") / "note").write_text("kept")
    await lives.agents.destroy("worker", by="ada")
    assert lives.agents.all() == []
    assert "worker" not in lives.hooks.agents
    assert not (lives.confs / "h-worker.conf").exists()
    assert not (lives.run.agents / "worker").exists()
    await lives.agents.spawn("worker", None)
    assert (lives.state.state("worker") / "note").read_text() == "kept"


async def test_a_purge_takes_its_files_too_and_follows_nothing_that_it_left(lives: Lives, tmp_path: Path) -> None:
    await lives.agents.spawn("worker", None)
    await lives.agents.spawn("other", None)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("here")
    for directory in (
        lives.state.state("worker"),
        lives.state.shared_corner("worker"),
        lives.state.container_root("worker"),
    ):
        (directory / "link").symlink_to(precious)
    deep = lives.state.state("worker")
    descriptor = os.open(deep, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    await lives.agents.purge("worker")
    assert not lives.state.agent("worker").exists()
    assert not lives.state.shared_corner("worker").exists()
    assert (precious / "file").read_text() == "here"
    assert lives.state.state("other").is_dir()


async def test_only_a_name_that_nobody_has_or_had_is_unknown(lives: Lives) -> None:
    for name in ("here", "destroyed", "purged"):
        await lives.agents.spawn(name, None)
    await Broker(lives.database, lives.clock, lives.agents.live_names).send(OPERATOR, "purged", "hello")
    await lives.agents.destroy("destroyed", by="ada")
    await lives.agents.purge("purged")
    for name in ("here", "destroyed", "purged", OPERATOR, SYSTEM):
        await lives.agents.check_known(name)
    with pytest.raises(NotFoundError, match="no agent ghost"):
        await lives.agents.check_known("ghost")


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_there_is_no_verb_on_an_agent_that_is_not_there(lives: Lives, verb: str) -> None:
    with pytest.raises(NotFoundError):
        await getattr(lives.agents, verb)("nobody")


async def test_a_container_that_is_killed_shows_as_failed_with_its_exit_and_last_words(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    lives.systemd.is_killed(lives.unit("worker"))
    shown = await lives.hooks.see("worker", lambda a: a.state is AgentState.FAILED and WORDS in (a.reason or ""))
    assert "signal 9 (SIGKILL)" in (shown.reason or "")
    assert shown.container is ContainerState.FAILED
    assert lives.hooks.told.count(("died", "worker")) == 1


async def test_deaths_are_seen_even_while_they_cannot_be_written_down(lives: Lives) -> None:
    for name in ("one", "two"):
        await lives.agents.spawn(name, None)
    lives.hooks.disk_is_full = True
    for name in ("one", "two"):
        lives.systemd.is_killed(lives.unit(name))
        await lives.hooks.see(name, lambda a: a.state is AgentState.FAILED)


async def test_when_systemd_has_restarted_it_the_hello_makes_it_idle(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    unit = lives.unit("worker")
    lives.systemd.is_killed(unit)
    await lives.hooks.see("worker", lambda a: a.state is AgentState.FAILED)
    lives.systemd.change(unit, ActiveState="activating", SubState="start", Result="success", ExecMainCode=0)
    await lives.hooks.see("worker", lambda a: a.state is AgentState.STARTING)
    lives.systemd.runs(unit, "22" * 16)
    await lives.greet("worker")
    shown = await lives.hooks.see("worker", lambda a: a.state is AgentState.IDLE)
    assert shown.reason is None


async def test_on_a_container_that_systemd_has_given_up_core_tries_again_more_and_more_rarely(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    unit = lives.unit("worker")
    lives.systemd.failing.add(unit)
    lives.systemd.is_killed(unit)
    lives.systemd.change(unit, ActiveState="failed", SubState="failed")
    await lives.hooks.see("worker", lambda a: a.until is not None and WORDS in (a.reason or ""))
    pauses = []
    for _ in range(3):
        shown = await lives.hooks.see("worker", lambda a: a.state is AgentState.FAILED and a.until is not None)
        assert shown.until is not None
        pauses.append((shown.until - lives.clock.now()).total_seconds())
        until = shown.until
        await lives.pass_time(pauses[-1])
        await lives.hooks.see("worker", partial(is_tried_later_than, until))
    assert pauses == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    lives.systemd.failing.clear()
    await lives.agents.start("worker")
    assert lives.agents.get("worker").state is AgentState.IDLE


async def test_a_container_without_a_user_namespace_of_its_own_does_not_come_up(lives: Lives) -> None:
    lives.map_users(0)
    with pytest.raises(AgentFailedError, match="without a user namespace"):
        await lives.agents.spawn("worker", None)
    asked = [(member, body[0]) for member, body in lives.systemd.asked if member in ("KillUnit", "StopUnit")]
    assert asked.index(("KillUnit", "container@h-worker.service")) > 0
    assert asked[-1] == ("StopUnit", "container@h-worker.service"), "systemd would start it again"
    lives.map_users(524288)
    await lives.agents.spawn("worker", None)


async def test_one_that_is_ended_for_it_before_its_start_is_over_does_not_come_up_either(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who watches the units may see it first."""
    start = Systemd.start

    async def slowly(systemd: Systemd, unit: str) -> str:
        result = await start(systemd, unit)
        await lives.hooks.see("worker", lambda a: a.container is ContainerState.FAILED)
        return result

    monkeypatch.setattr(Systemd, "start", slowly)
    lives.map_users(0)
    with pytest.raises(AgentFailedError, match="without a user namespace"):
        await lives.agents.spawn("worker", None)


async def test_one_that_systemd_starts_again_without_is_killed_and_says_why(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    lives.map_users(0)
    lives.systemd.runs(lives.unit("worker"), "22" * 16)
    shown = await lives.hooks.see("worker", lambda a: a.until is not None)
    assert "without a user namespace" in (shown.reason or "")
    assert (shown.state, shown.container) == (AgentState.FAILED, ContainerState.FAILED)
    assert ("KillUnit", "container@h-worker.service") in [(m, b[0]) for m, b in lives.systemd.asked if b]
    lives.map_users(524288)
    await lives.pass_time(FIRST_PAUSE)
    await lives.hooks.see("worker", lambda a: a.state is AgentState.IDLE)


async def test_a_new_core_looks_at_the_users_of_what_runs(tmp_path: Path, world: tuple[Bus, FakeSystemd]) -> None:
    async with core(tmp_path, *world) as lives:
        await lives.agents.spawn("worker", None)
    async with core(tmp_path, *world) as lives:
        lives.map_users(0)
        await lives.hooks.see("worker", lambda a: a.state is AgentState.FAILED and a.until is not None)


async def test_a_container_that_was_shut_down_by_hand_shows_as_stopped_and_why(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    unit = lives.unit("worker")
    lives.systemd.change(unit, ActiveState="inactive", SubState="dead", ExecMainCode=1, ExecMainStatus=0)
    shown = await lives.hooks.see("worker", lambda a: a.state is AgentState.STOPPED)
    assert "by hand" in (shown.reason or "")
    await lives.hooks.hear("died", "worker")


async def test_a_rebooting_container_is_starting_and_not_dead(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    unit = lives.unit("worker")
    lives.systemd.change(unit, ActiveState="inactive", SubState="dead", ExecMainCode=1, ExecMainStatus=133)
    lives.systemd.change(unit, ActiveState="activating", SubState="auto-restart")
    await lives.hooks.see("worker", lambda a: a.state is AgentState.STARTING)
    assert ("died", "worker") not in lives.hooks.told


async def test_a_harness_that_ends_is_awaited_and_missed_after_a_while(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    await lives.agents.harness_left("worker", lives.agents.get("worker").instance or "")
    await lives.hooks.see("worker", lambda a: a.state is AgentState.STARTING)
    await lives.pass_time(HELLO_SECONDS)
    await lives.hooks.see("worker", lambda a: a.state is AgentState.FAILED and WORDS in (a.reason or ""))
    await lives.greet("worker")
    assert lives.agents.get("worker").state is AgentState.IDLE


async def test_an_older_harness_that_ends_says_nothing_about_the_present_one(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    await lives.agents.harness_left("worker", "an older one")
    assert lives.agents.get("worker").state is AgentState.IDLE


async def test_what_the_harness_says_is_shown_until_its_container_ends(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    await lives.agents.report_state("worker", ReportStateRequest(state=AgentState.THINKING, model="opus"))
    agent = lives.agents.get("worker")
    assert (agent.state, agent.model) == (AgentState.THINKING, "opus")
    lives.systemd.is_killed(lives.unit("worker"))
    await lives.hooks.see("worker", lambda a: a.state is AgentState.FAILED)
    await lives.agents.report_state("worker", ReportStateRequest(state=AgentState.IDLE))
    assert lives.agents.get("worker").state is AgentState.FAILED


async def test_a_long_reason_is_cut_because_every_status_has_it(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    report = ReportStateRequest(state=AgentState.PARKED, reason="r" * 1_000_000)
    await lives.agents.report_state("worker", report)
    reason = lives.agents.get("worker").reason
    assert reason is not None
    assert reason.startswith("rrr")
    assert len(reason) < 2 * MAX_REASON


async def test_a_harness_that_says_too_often_what_it_does_is_kept_waiting(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    await lives.agents.spawn("writer", None)

    said = 0

    async def flood() -> None:
        nonlocal said
        for said in range(10_000):
            await lives.agents.report_state("worker", ReportStateRequest(state=AgentState.PARKED, reason=str(said)))

    async with alongside(flood()):
        await lives.pass_time(10)
        assert 100 < said < 200
        await lives.agents.report_state("writer", ReportStateRequest(state=AgentState.THINKING))
        assert lives.agents.get("writer").state is AgentState.THINKING, "nobody else waits"


async def test_since_is_when_the_state_began(lives: Lives) -> None:
    await lives.agents.spawn("worker", None)
    await lives.pass_time(5)
    await lives.agents.report_state("worker", ReportStateRequest(state=AgentState.PARKED, reason="a limit"))
    since = lives.agents.get("worker").since
    await lives.pass_time(5)
    await lives.agents.report_state("worker", ReportStateRequest(state=AgentState.PARKED, reason="another"))
    agent = lives.agents.get("worker")
    assert (agent.since, agent.reason) == (since, "another")


async def test_a_new_core_takes_over_what_runs(tmp_path: Path, world: tuple[Bus, FakeSystemd]) -> None:
    async with core(tmp_path, *world) as first:
        await first.agents.spawn("worker", None)
        await first.agents.report_state("worker", ReportStateRequest(state=AgentState.THINKING))
        instance = first.agents.get("worker").instance or ""
    _, fake = world
    fake.asked.clear()
    async with core(tmp_path, *world) as second:
        agent = second.agents.get("worker")
        assert (agent.state, agent.container) == (AgentState.THINKING, ContainerState.RUNNING)
        assert ("listen", "worker") in second.hooks.told
        await second.agents.hello("worker", instance)
        assert second.agents.get("worker").state is AgentState.THINKING, "the same harness goes on with its turn"
    assert not {"StartUnit", "StopUnit"} & {member for member, _ in fake.asked}


async def test_a_new_core_finishes_what_was_wanted(tmp_path: Path, world: tuple[Bus, FakeSystemd]) -> None:
    _, fake = world
    async with core(tmp_path, *world) as first:
        for name in ("up", "down", "crashed"):
            await first.agents.spawn(name, None)
        await first.agents.stop("down")
    fake.change("container@h-crashed.service", ActiveState="failed", SubState="failed", Result="signal")
    fake.runs("container@h-down.service")
    async with core(tmp_path, *world) as second:
        await second.hooks.see("crashed", lambda a: a.state is AgentState.IDLE)
        await second.hooks.see("down", lambda a: a.state is AgentState.STOPPED)
        assert ("died", "crashed") in second.hooks.told
        assert ("died", "up") not in second.hooks.told


async def test_a_spawn_that_core_did_not_live_to_finish_is_finished_by_the_next(
    tmp_path: Path, world: tuple[Bus, FakeSystemd]
) -> None:
    async with core(tmp_path, *world) as first:
        first.silent = True
        spawning = asyncio.ensure_future(first.agents.spawn("worker", None))
        await first.hooks.see("worker", lambda a: a.container is ContainerState.RUNNING)
    with pytest.raises(UnavailableError, match="being stopped"):
        await spawning
    async with core(tmp_path, *world) as second:
        await second.greet("worker")
        assert second.agents.get("worker").state is AgentState.IDLE


async def test_core_refuses_a_state_directory_that_others_may_enter(
    tmp_path: Path, world: tuple[Bus, FakeSystemd]
) -> None:
    (tmp_path / "lib").mkdir(mode=0o755)
    with pytest.raises(ConflictError, match="must be root's alone") as refusal:
        async with core(tmp_path, *world):
            pass
    assert "chmod 0700" in refusal.value.hint
