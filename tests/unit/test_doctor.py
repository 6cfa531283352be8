"""The doctor finds what is wrong, says what to do, and is not stopped by a check that fails itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hive_core.agents.agents import Agents
from hive_core.api.gateway_desk import Backend, GatewayLine
from hive_core.doctor import checks
from hive_core.doctor.doctor import Doctor
from hive_rpc.interfaces.operator.hive import Check
from hive_rpc.types import AgentState


def agents(*states: AgentState) -> Agents:
    """Stands for the registry: the checks only list it."""
    listed = [SimpleNamespace(name=f"a{n}", state=s, reason="it broke") for n, s in enumerate(states)]
    return cast(Agents, SimpleNamespace(all=lambda: listed))


async def only(examination: Any) -> Check:
    (check,) = await examination()
    return cast(Check, check)


async def test_a_failed_agent_is_found_by_name_with_its_reason_and_a_remedy() -> None:
    well, failed = await checks.agents_are_well(agents(AgentState.IDLE, AgentState.FAILED))()
    assert (well.ok, well.remedy) == (True, "")
    assert not failed.ok
    assert "it broke" in failed.detail
    assert "hive restart a1" in failed.remedy


async def test_a_gateway_that_is_away_is_found() -> None:
    line = GatewayLine()
    away = await only(checks.gateway_is_there(line))
    assert (away.ok, bool(away.remedy)) == (False, True)
    line.report(self_ := object(), Backend(stand_in=True, description="the stand-in"))
    assert (await only(checks.gateway_is_there(line))).ok
    line.gone(self_)
    assert not (await only(checks.gateway_is_there(line))).ok


async def test_a_state_directory_that_others_can_enter_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private, _ = await checks.state_is_walled_off(tmp_path)()
    assert not private.ok
    tmp_path.chmod(0o700)
    private, _ = await checks.state_is_walled_off(tmp_path)()
    assert private.ok


@pytest.mark.parametrize(("limit", "ok"), [(128, True), (64, True), (59, False)])
async def test_too_few_inotify_instances_are_found(
    limit: int, ok: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sysctl = tmp_path / "max_user_instances"
    sysctl.write_text(f"{limit}\n")
    monkeypatch.setattr(checks, "_INOTIFY", sysctl)
    check = await only(checks.inotify_is_enough(agents(AgentState.IDLE, AgentState.IDLE)))
    assert check.ok is ok


async def test_a_check_that_fails_is_a_finding_and_the_others_go_on() -> None:
    async def broken() -> Sequence[Check]:
        raise OSError("no such thing")

    async def fine() -> Sequence[Check]:
        return [Check(name="fine", ok=True, detail="")]

    found = await Doctor([broken, fine]).examine()
    assert [(c.name, c.ok) for c in found] == [("broken", False), ("fine", True)]
    assert "no such thing" in found[0].detail


async def test_one_examination_at_a_time_however_many_ask() -> None:
    now = most = 0

    async def looks() -> Sequence[Check]:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return []

    doctor = Doctor([looks])
    await asyncio.gather(*(doctor.examine() for _ in range(10)))
    assert most == 1
