"""Driving systemd: no result is lost, every state is told once, and a restarted bus is found again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from dbus_fast import Variant

from hive_base.clock import SystemClock
from hive_core.systemd.models import ActiveState
from hive_core.systemd.names import unit_name, unit_path
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import UnavailableError
from tests.support.fake_systemd import Bus, FakeSystemd, fake_systemd

UNIT = "container@h-worker.service"


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Bus, FakeSystemd]]:
    async with fake_systemd(tmp_path) as found:
        yield found


@pytest.fixture
def fake(pair: tuple[Bus, FakeSystemd]) -> FakeSystemd:
    return pair[1]


@pytest.fixture
def bus(pair: tuple[Bus, FakeSystemd]) -> Bus:
    return pair[0]


@pytest.fixture
async def systemd(bus: Bus) -> AsyncIterator[Systemd]:
    systemd = Systemd(SystemClock(), watched="container@", address=bus.address)
    await systemd.connect()
    running = asyncio.create_task(systemd.run())
    yield systemd
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize(
    ("unit", "path"),
    [
        (UNIT, "/org/freedesktop/systemd1/unit/container_40h_2dworker_2eservice"),
        ("9p.mount", "/org/freedesktop/systemd1/unit/_39p_2emount"),
        ("é.service", "/org/freedesktop/systemd1/unit/_c3_a9_2eservice"),
    ],
)
def test_unit_names_are_escaped_as_systemd_does(unit: str, path: str) -> None:
    assert unit_path(unit) == path


def test_a_unit_is_found_by_its_path() -> None:
    assert unit_name(unit_path(UNIT)) == UNIT
    assert unit_name("/org/freedesktop/systemd1/job/1") is None


async def test_the_result_of_a_job_that_is_finished_before_its_path_is_known_is_not_lost(
    systemd: Systemd, fake: FakeSystemd
) -> None:
    assert [await systemd.start(UNIT) for _ in range(50)] == ["done"] * 50
    fake.failing.add(UNIT)
    assert await systemd.start(UNIT) == "failed"


async def test_jobs_asked_for_at_the_same_time_each_get_their_own_result(systemd: Systemd, fake: FakeSystemd) -> None:
    fake.failing.add("container@h-b.service")
    results = await asyncio.gather(*(systemd.start(f"container@h-{n}.service") for n in "abc"))
    assert results == ["done", "failed", "done"]


async def test_a_unit_that_is_not_loaded_is_inactive_and_has_nothing_to_forget(systemd: Systemd) -> None:
    state = await systemd.state(UNIT)
    assert (state.active, state.exit, state.invocation) == (ActiveState.INACTIVE, None, "")
    await systemd.reset_failed(UNIT)


async def test_limits_are_set_until_the_next_boot_with_systemds_types(systemd: Systemd, fake: FakeSystemd) -> None:
    await systemd.set_properties(UNIT, {"MemoryMax": Variant("t", 1024)})
    asked, (unit, until_reboot, properties) = fake.asked[-1]
    assert (asked, unit, until_reboot) == ("SetUnitProperties", UNIT, True)
    assert [tuple(p) for p in properties] == [("MemoryMax", Variant("t", 1024))]


async def test_watching_begins_with_what_is_loaded_and_tells_each_change_once(
    systemd: Systemd, fake: FakeSystemd
) -> None:
    fake.runs(UNIT)
    fake.change("ssh.service", ActiveState="failed")
    async with aclosing(systemd.watch()) as states:
        assert (await anext(states)).active is ActiveState.ACTIVE
        fake.runs(UNIT)
        fake.is_killed(UNIT)
        seen = [await anext(states) for _ in range(3)]
    assert [(s.unit, s.active, s.sub, str(s.exit)) for s in seen] == [
        (UNIT, ActiveState.DEACTIVATING, "stop-sigkill", "signal 9 (SIGKILL)"),
        (UNIT, ActiveState.FAILED, "failed", "signal 9 (SIGKILL)"),
        (UNIT, ActiveState.ACTIVATING, "auto-restart", "signal 9 (SIGKILL)"),
    ]


async def test_half_of_a_change_is_not_told(systemd: Systemd, fake: FakeSystemd) -> None:
    fake.runs(UNIT)
    async with aclosing(systemd.watch()) as states:
        await anext(states)
        fake.half_change(UNIT, Result="exit-code", ExecMainCode=1, ExecMainStatus=7)
        fake.change(UNIT, ActiveState="failed", SubState="failed")
        told = await anext(states)
    assert (told.active, told.result, str(told.exit)) == (ActiveState.FAILED, "exit-code", "exit code 7")


async def test_a_bus_that_reads_nothing_for_a_while_is_not_lost(systemd: Systemd, bus: Bus) -> None:
    with bus.reading_nothing():
        asked = [asyncio.create_task(systemd.state(UNIT)) for _ in range(1000)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(call.done() for call in asked)
    states = await asyncio.gather(*asked)
    assert {state.active for state in states} == {ActiveState.INACTIVE}


async def test_two_watchers_see_the_same(systemd: Systemd, fake: FakeSystemd) -> None:
    async with aclosing(systemd.watch()) as one, aclosing(systemd.watch()) as other:
        asking = [asyncio.ensure_future(anext(one)), asyncio.ensure_future(anext(other))]
        fake.runs(UNIT)
        assert [state.active for state in await asyncio.gather(*asking)] == [ActiveState.ACTIVE] * 2


async def test_a_job_under_way_when_the_bus_goes_is_given_up(systemd: Systemd, fake: FakeSystemd, bus: Bus) -> None:
    fake.silent = True
    job = asyncio.ensure_future(systemd.start(UNIT))
    while not fake.asked or fake.asked[-1][0] != "StartUnit":
        await asyncio.sleep(0)
    await bus.stop()
    with pytest.raises(UnavailableError):
        await job


async def test_once_the_loss_of_the_bus_is_known_calls_fail_at_once(systemd: Systemd, bus: Bus) -> None:
    await bus.stop()
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await systemd.state(UNIT)


async def test_after_a_restart_of_the_bus_what_was_missed_is_told(
    systemd: Systemd, fake: FakeSystemd, bus: Bus
) -> None:
    fake.runs(UNIT)
    async with aclosing(systemd.watch()) as states:
        assert (await anext(states)).active is ActiveState.ACTIVE
        await bus.stop()
        await fake.close()
        again = FakeSystemd(bus.address)
        again.units[UNIT] = {
            **fake.units[UNIT],
            "ActiveState": Variant("s", "failed"),
            "Result": Variant("s", "signal"),
        }
        await bus.start()
        await again.connect()
        assert (await anext(states)).active is ActiveState.FAILED
        assert await systemd.start(UNIT) == "done"
        await again.close()


async def test_when_systemd_is_executed_anew_it_is_subscribed_to_again(systemd: Systemd, fake: FakeSystemd) -> None:
    async with aclosing(systemd.watch()) as states:
        await fake.close()
        again = FakeSystemd(fake.address)
        await again.connect()
        while ("Subscribe", []) not in again.asked:
            await asyncio.sleep(0)
        again.runs(UNIT)
        assert (await anext(states)).active is ActiveState.ACTIVE
        await again.close()


async def test_no_bus_at_all_is_one_sentence(tmp_path: Path) -> None:
    systemd = Systemd(SystemClock(), watched="container@", address=f"unix:path={tmp_path}/nothing")
    with pytest.raises(UnavailableError, match="system bus"):
        await systemd.connect()
