"""Agents' containers on a real systemd: what the verbs leave behind, what is seen of deaths, what the log shows.

One hive host for all of it; its agents are the tests' own.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hive_rpc.client import connect
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.hive import AgentStatus, StatusReply
from hive_rpc.interfaces.operator.request import OperatorRequest
from tests.support.hive_host import HIVE, Host, booted, hive_command
from tests.support.patience import until

FRUGAL = "[limits]\nmemory_mib = 700\ncpu_percent = 150\ntasks = 300\n"


class Hive(Host):
    """The host, and `hive` for it."""

    def command(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return hive_command(*words, "--state", str(self.state.root), check=check)

    def agent(self, name: str) -> AgentStatus:
        found = self.found(name)
        assert found is not None, f"there is no {name}"
        return found

    def found(self, name: str) -> AgentStatus | None:
        return next((a for a in asyncio.run(self._status()).agents if a.name == name), None)

    async def _status(self) -> StatusReply:
        async with connect(self.run_paths.operator_socket) as client:
            return await client.proxy(Operator).status(OperatorRequest())

    def unit(self, name: str) -> str:
        return f"container@{self.agent(name).machine}.service"

    def kill(self, name: str) -> None:
        """SIGKILL the nspawn of an agent's container."""
        self.run("kill", "-KILL", self.property(self.unit(name), "MainPID"))

    def log(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.command("logs", name, "--json").stdout.splitlines()]

    def until(self, name: str, **wanted: str) -> AgentStatus:
        return until(f"{name} is {wanted}", lambda: self._is(name, wanted))

    def _is(self, name: str, wanted: dict[str, str]) -> AgentStatus | None:
        agent = self.agent(name)
        return agent if all(getattr(agent, key) == value for key, value in wanted.items()) else None


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    with booted(tmp_path_factory.mktemp("containers")) as state:
        yield Hive(state)


@pytest.fixture
def worker(hive: Hive) -> str:
    """An agent that is up: the one of the test before, unless that left it otherwise."""
    left = hive.found("worker")
    if left is not None and not (left.container == "running" and left.state in ("idle", "thinking")):
        hive.command("destroy", "worker", "--purge", "--yes")
        left = None
    if left is None:
        hive.command("spawn", "worker")
    return "worker"


@contextmanager
def sabotage(hive: Hive, machine: str, script: str) -> Iterator[None]:
    """A container whose unit first runs a shell script on the host."""
    drop_in = Path(f"/run/systemd/system/container@{machine}.service.d/sabotage.conf")
    hive.run("mkdir", "-p", drop_in.parent)
    hive.run("tee", drop_in, stdin=f"[Service]\nExecStartPre=/bin/sh -c '{script}'\n")
    hive.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        hive.run("rm", "-r", drop_in.parent)
        hive.run("systemctl", "daemon-reload")


def traces(hive: Hive, name: str, machine: str) -> list[str]:
    """What there is of an agent on the host, besides its state."""
    places = ("/var/lib/nixos-containers", "/etc/nixos-containers", "/run/hive/agents")
    words = ("find", *places, "-maxdepth", "1", "(", "-name", f"*{machine}*", "-o", "-name", name, ")")
    machines = hive.run("machinectl", "list", "--no-legend").stdout
    return [*hive.run(*words).stdout.split(), *[line for line in machines.splitlines() if machine in line]]


def test_a_container_has_the_limits_that_its_agent_was_given(hive: Hive, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(FRUGAL)
    hive.command("spawn", "frugal", "--config", str(config))
    unit = hive.unit("frugal")
    assert hive.property(unit, "MemoryMax") == str(700 * 1024**2)
    assert hive.property(unit, "CPUQuotaPerSecUSec") == "1.500000s"
    assert hive.property(unit, "TasksMax") == "300"
    hive.kill("frugal")
    hive.until("frugal", state="failed")
    hive.until("frugal", state="idle")
    assert hive.property(unit, "MemoryMax") == str(700 * 1024**2), "systemd's own restart keeps them"
    hive.command("destroy", "frugal", "--purge", "--yes")


def test_without_a_word_about_them_there_are_limits_too(hive: Hive, worker: str) -> None:
    for limit in ("MemoryMax", "CPUQuotaPerSecUSec", "TasksMax"):
        assert hive.property(hive.unit(worker), limit) != "infinity"


def test_an_agent_with_a_long_name_lives_in_a_machine_with_a_short_one(hive: Hive) -> None:
    hive.command("spawn", "researcher-of-small-things")
    machine = hive.agent("researcher-of-small-things").machine
    assert len(machine) <= 11
    assert hive.run_in(machine, "hostname").stdout.strip() == "researcher-of-small-things"
    hive.command("destroy", "researcher-of-small-things", "--purge", "--yes")
    assert traces(hive, "researcher-of-small-things", machine) == []


def test_of_a_destroyed_agent_nothing_is_left_but_its_state(hive: Hive, worker: str) -> None:
    assert traces(hive, worker, "h-worker"), "while it runs there is something"
    hive.run_in("h-worker", "tee", "/agents/worker/state/note", stdin="kept")
    hive.command("destroy", worker, "--yes")
    assert traces(hive, worker, "h-worker") == []
    hive.command("spawn", worker)
    assert hive.run_in("h-worker", "cat", "/agents/worker/state/note").stdout == "kept"


def test_a_container_that_cannot_start_tells_why_and_leaves_nothing(hive: Hive) -> None:
    with sabotage(hive, "h-broken", "echo the dog ate it; exit 7"):
        refused = hive.command("spawn", "broken", check=False)
    assert refused.returncode == 1
    assert "The container of broken failed" in refused.stderr
    assert "the dog ate it" in refused.stderr
    assert hive.found("broken") is None
    assert traces(hive, "broken", "h-broken") == []
    assert hive.run("ls", "/var/lib/hive/agents/broken", check=False).returncode != 0
    hive.command("spawn", "broken")
    hive.command("destroy", "broken", "--purge", "--yes")


def test_a_container_without_users_of_its_own_is_killed_and_says_why(hive: Hive, worker: str) -> None:
    bare = "/usr/bin/sed -i -e s/--private-users=pick// -e s/:idmap//g /etc/nixos-containers/h-worker.conf"
    with sabotage(hive, "h-worker", bare):
        hive.kill(worker)
        shown = until("it shows", lambda: hive.agent(worker) if hive.agent(worker).until else None)
        assert (shown.state, shown.container) == ("failed", "failed")
        assert "without a user namespace" in (shown.reason or "")
        assert "h-worker" not in hive.run("machinectl", "list", "--no-legend").stdout
    hive.command("start", worker)


def test_a_killed_container_is_seen_to_fail_with_its_cause_and_comes_back(hive: Hive, worker: str) -> None:
    before = hive.agent(worker)
    hive.kill(worker)
    failed = hive.until(worker, state="failed")
    assert "signal 9 (SIGKILL)" in (failed.reason or "")
    until("its last words are told", lambda: "hive-agent" in (hive.agent(worker).reason or ""))
    back = hive.until(worker, state="idle", container="running")
    assert back.created_at == before.created_at


def test_a_container_that_dies_again_and_again_shows_when_it_is_tried_next(hive: Hive, worker: str) -> None:
    with sabotage(hive, "h-worker", "exit 7"):
        hive.kill(worker)
        shown = until("core takes over", lambda: hive.agent(worker) if hive.agent(worker).until else None)
        assert shown.state == "failed"
        assert "systemd does not start it again" in (shown.reason or "")
    hive.command("start", worker)
    hive.until(worker, state="idle")


def test_a_reboot_from_inside_is_a_restart(hive: Hive, worker: str) -> None:
    boot = hive.run_in("h-worker", "cat", "/proc/1/stat").stdout
    since = hive.agent(worker).since
    hive.run_in("h-worker", "systemctl", "reboot", user="root", check=False)
    until("it has booted anew", lambda: hive.agent(worker).since != since and hive.agent(worker).state == "idle")
    assert hive.run_in("h-worker", "cat", "/proc/1/stat").stdout != boot


def test_a_container_that_shuts_itself_down_is_stopped_and_starts_on_demand(hive: Hive, worker: str) -> None:
    hive.run_in("h-worker", "systemctl", "poweroff", user="root", check=False)
    stopped = hive.until(worker, state="stopped", container="stopped")
    assert "from inside or by hand" in (stopped.reason or "")
    hive.command("start", worker)
    hive.until(worker, state="idle")


def test_a_restart_makes_the_root_anew_and_keeps_the_machine_id_and_the_state(hive: Hive, worker: str) -> None:
    hive.run_in("h-worker", "touch", "/var/tmp/gone", "/agents/worker/state/kept")
    machine_id = hive.run_in("h-worker", "cat", "/etc/machine-id").stdout
    hive.command("restart", worker)
    assert hive.run_in("h-worker", "cat", "/etc/machine-id").stdout == machine_id
    assert hive.run_in("h-worker", "ls", "/var/tmp").stdout == ""
    assert "kept" in hive.run_in("h-worker", "ls", "/agents/worker/state").stdout


def test_after_a_restart_of_the_system_bus_deaths_are_still_seen(hive: Hive, worker: str) -> None:
    hive.run("systemctl", "kill", "--signal=KILL", "dbus.service", check=False)
    until("the bus is back", lambda: hive.run("busctl", "status", check=False).returncode == 0)
    hive.kill(worker)
    hive.until(worker, state="failed")
    hive.until(worker, state="idle")
    hive.command("restart", worker)


def test_a_container_killed_while_core_is_away_is_found_and_well_afterwards(hive: Hive, worker: str) -> None:
    unit = hive.unit(worker)
    hive.run("systemctl", "stop", "hive-core.service")
    hive.run("systemctl", "kill", "--signal=KILL", unit)
    hive.run("systemctl", "start", "hive-core.service")
    hive.until(worker, state="idle", container="running")


def test_what_was_stopped_stays_stopped_when_core_comes_back(hive: Hive, worker: str) -> None:
    hive.command("stop", worker)
    hive.run("systemctl", "restart", "hive-core.service")
    assert hive.agent(worker).state == "stopped"
    assert hive.property("container@h-worker.service", "ActiveState") == "inactive"


def test_the_log_is_read_from_outside_and_the_container_keeps_no_journal_there(hive: Hive, worker: str) -> None:
    lines = hive.log(worker)
    assert any(line["source"] == "hive-agent" and line["text"] for line in lines)
    assert any(line["source"] == "systemd" for line in lines)
    found = hive.run(
        "find", "/var/lib/hive/agents/worker/root/var/log", "/var/log/journal", "-name", "*.journal"
    ).stdout
    assert "/var/lib/hive" not in found
    assert "/var/log/journal" in found, "the host's own is there"


def test_what_a_container_logs_has_its_priority_and_nothing_that_acts_on_a_terminal(hive: Hive, worker: str) -> None:
    hive.run_in(
        "h-worker", "logger", "--tag=evil", "--priority=user.err", "\x1b]0;title\x07\x1b[31mred\x1b[0m", user="root"
    )
    (line,) = until("it is in the log", lambda: [x for x in hive.log(worker) if x["source"] == "evil"])
    assert line["text"] == "red"


def test_following_the_log_shows_what_is_written_from_then_on(hive: Hive, worker: str) -> None:
    words = [str(HIVE), "logs", worker, "--follow", "--lines=1", "--json", "--state", str(hive.state.root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline(), "the last line comes first"
        hive.run_in("h-worker", "logger", "--tag=news", "--priority=user.err", "something new", user="root")
        assert any("something new" in line for line in following.stdout)
        following.terminate()
