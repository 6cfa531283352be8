"""What a unit's state means for a container, and what a container gets to see."""

from pathlib import Path

import pytest

from hive_base.paths import PREFIX, RunPaths, StatePaths
from hive_core.containers.binds import Bind, agent_binds
from hive_core.containers.models import container_status, is_between_runs
from hive_core.containers.stateless import skeleton
from hive_core.systemd.models import ActiveState, Exit, UnitState
from hive_rpc.types import ContainerState as C


def unit(
    active: str, sub: str, result: str = "success", *, ended: Exit | None = None, invocation: str = "a"
) -> UnitState:
    return UnitState("container@h-worker.service", ActiveState(active), sub, result, ended, invocation)


KILLED = Exit(by_signal=True, status=9)


@pytest.mark.parametrize(
    ("state", "expected", "failure"),
    [
        (unit("activating", "start"), C.STARTING, None),
        (unit("active", "running"), C.RUNNING, None),
        (unit("deactivating", "stop-sigterm"), C.STOPPING, None),
        (unit("inactive", "dead", ended=Exit(by_signal=False, status=0)), C.STOPPED, None),
        (unit("deactivating", "stop-sigkill", "signal", ended=KILLED), C.FAILED, "ended with signal 9 (SIGKILL)"),
        (unit("activating", "auto-restart", "signal", ended=KILLED), C.FAILED, "ended with signal 9 (SIGKILL)"),
        (unit("activating", "auto-restart", ended=Exit(by_signal=False, status=133)), C.STARTING, None),
        (unit("inactive", "dead", ended=Exit(by_signal=False, status=133)), C.STARTING, None),
        (unit("failed", "failed", "timeout"), C.FAILED, "did not start or stop in time and was killed"),
        (unit("activating", "auto-restart", "exit-code"), C.FAILED, "failed (exit-code)"),
        (unit("failed", "failed", "oom-kill"), C.FAILED, "ran out of memory"),
        (unit("failed", "failed", "start-limit-hit"), C.FAILED, "was started too often"),
        (unit("failed", "failed", "sudden-loss"), C.FAILED, "failed (sudden-loss)"),
    ],
)
def test_a_units_state_in_plain_words(state: UnitState, expected: C, failure: str | None) -> None:
    status = container_status(state)
    assert (status.machine, status.state, status.failure) == ("h-worker", expected, failure)
    assert status.given_up is (state.sub == "failed")


def test_a_new_run_that_has_not_begun_is_no_end_of_a_run() -> None:
    assert is_between_runs(unit("inactive", "dead"))
    assert not is_between_runs(unit("inactive", "dead", ended=Exit(by_signal=False, status=0)))
    assert not is_between_runs(unit("inactive", "dead", invocation=""))


def test_a_container_sees_its_own_directories_and_nothing_else_of_the_hive() -> None:
    binds = agent_binds("worker", RunPaths(), StatePaths())
    writable = {str(b.target) for b in binds if not b.read_only}
    assert writable == {f"/agents/worker/{d}" for d in ("state", "harness", "claude")} | {"/shared/worker"}
    of_the_hive = {str(b.source) for b in binds if b.source.is_relative_to("/var/lib/hive")}
    assert of_the_hive == {f"/var/lib/hive/agents/worker/{d}" for d in ("state", "harness", "claude")} | {
        "/var/lib/hive/shared",
        "/var/lib/hive/shared/worker",
    }
    assert {str(b.source) for b in binds if b.source.is_relative_to("/run")} == {
        "/run/hive/agents/worker/core",
        "/run/hive/agents/worker/gateway",
    }


def test_what_is_mapped_is_what_both_sides_own_files_in() -> None:
    flags = [bind.flag() for bind in agent_binds("worker", RunPaths(), StatePaths())]
    assert f"--bind-ro={PREFIX}:{PREFIX}" in flags or not PREFIX.is_dir()
    assert "--bind-ro=/run/hive/agents/worker/core:/run/hive/core:idmap" in flags
    assert "--bind=/var/lib/hive/agents/worker/state:/agents/worker/state:idmap" in flags
    assert "--bind-ro=/var/lib/hive/shared:/shared:idmap" in flags


@pytest.mark.parametrize("path", ["/a b", "/a:b", '/a"b', "/a\\b", "/a$b", "/a\nb"])
def test_a_path_that_the_unit_would_take_apart_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be bound"):
        Bind(Path(path), Path("/x")).flag()


def test_the_root_starts_the_harness_and_says_whose_it_is(tmp_path: Path) -> None:
    skeleton("worker").build(tmp_path)
    units = tmp_path / "etc/systemd/system"
    assert "hive_agent.harness" in (units / "hive-agent.service").read_text()
    assert "HIVE_AGENT=worker" in (units / "hive-agent.service.d/agent.conf").read_text()
    assert "hive-agent.service" in (units / "hive.target").read_text()
    assert "ForwardToConsole=yes" in (tmp_path / "etc/systemd/journald.conf.d/hive.conf").read_text()
    assert (tmp_path / "etc/hostname").read_text() == "worker\n"
