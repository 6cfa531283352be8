"""The hive host: it boots, it is one, it ends without a trace, and no crash leaves one either."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from hive_cli.up.cgroups import Cgroups, own_hierarchies
from hive_cli.up.errors import CannotError
from hive_cli.up.launch import launch
from hive_cli.up.leftovers import NSPAWN_RUNTIME
from hive_cli.up.lock import HostLock
from hive_cli.up.protocol import LaunchRequest
from hive_cli.up.state import State
from hive_cli.up.stop import stop
from tests.support.hive_host import Host, free_port, hive_command
from tests.support.patience import until


class Traces:
    """What a hive host leaves on the machine while it runs. Made while it does, asked when it should be gone."""

    def __init__(self, host: Host) -> None:
        self._state = host.state
        self._cgroups = host.cgroups
        info = host.state.host.stat()
        self._lock_file = NSPAWN_RUNTIME / "locks" / f"inode-{info.st_dev}:{info.st_ino}"
        self.leader = host.leader
        assert self.found(), "while it runs there are some"

    def found(self) -> list[str]:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return [
            *[str(directory) for directory in self._cgroups.directories if directory.exists()],
            *[line for line in mounts if str(self._state.root) in line],
            *[str(p) for p in (self._lock_file, NSPAWN_RUNTIME / "propagate" / self._state.machine) if p.exists()],
            *[str(p) for p in (self._state.record, self._state.notify_socket) if p.exists()],
            *[str(p) for p in self._state.run.iterdir()],
            *([f"pid {holder}"] if (holder := HostLock(self._state.lock).holder()) else []),
        ]


async def gone(pid: int) -> None:
    while Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.01)


async def test_it_boots_a_systemd_with_the_daemons_units(host: Host) -> None:
    assert host.run("systemctl", "show", "--value", "--property=Version").stdout
    for unit in ("hive-core", "hive-web", "hive-gateway"):
        assert host.property(f"{unit}.service", "LoadState") == "loaded"
    assert host.run("hostname").stdout.strip() == "hive"


async def test_a_second_start_finds_it_running(host: Host, request_for: LaunchRequest) -> None:
    assert not await launch(request_for)
    assert host.run("true").returncode == 0


async def test_it_stops_and_nothing_of_it_is_left_but_its_state(host: Host) -> None:
    traces = Traces(host)
    assert await stop(host.state)
    assert traces.found() == []
    assert host.state.lib.is_dir()
    assert not await stop(host.state), "a second stop has nothing to do"


async def test_what_is_in_the_state_is_there_after_the_next_start(host: Host, request_for: LaunchRequest) -> None:
    host.run("sh", "-c", "echo kept > /var/lib/hive/note; systemd-cat --identifier=note echo logged")
    machine_id = host.run("cat", "/etc/machine-id").stdout
    await stop(host.state)
    await launch(request_for)
    assert host.run("cat", "/var/lib/hive/note").stdout == "kept\n"
    assert host.run("cat", "/etc/machine-id").stdout == machine_id
    assert "logged" in host.run("journalctl", "--identifier=note", "--output=cat").stdout


@pytest.mark.parametrize("victim", ["launcher", "nspawn", "launcher and nspawn", "leader"])
async def test_after_a_kill_the_next_start_finds_nothing_in_its_way(
    host: Host, request_for: LaunchRequest, victim: str
) -> None:
    traces = Traces(host)
    (nspawn,) = (int(pid) for pid in Path(f"/proc/{traces.leader}/status").read_text().split("PPid:")[1].split()[:1])
    victims = {"launcher": [host.record.launcher], "nspawn": [nspawn], "leader": [traces.leader]}
    for pid in victims.get(victim, [host.record.launcher, nspawn]):
        os.kill(pid, signal.SIGKILL)
    while not await launch(request_for):
        await asyncio.sleep(0.05)  # the launcher is cleaning up
    await gone(traces.leader)
    assert host.run("systemctl", "is-active", "dbus.service").stdout == "active\n"
    fresh = Traces(host)
    assert fresh.leader != traces.leader
    await stop(host.state)
    assert traces.found() == []


async def test_a_stop_after_a_kill_leaves_nothing(host: Host) -> None:
    traces = Traces(host)
    nspawn = int(Path(f"/proc/{traces.leader}/status").read_text().split("PPid:")[1].split()[0])
    os.kill(host.record.launcher, signal.SIGKILL)
    os.kill(nspawn, signal.SIGKILL)
    assert Path(f"/proc/{traces.leader}").exists(), "killing nspawn does not end its container"
    assert await stop(host.state)
    await gone(traces.leader)
    assert traces.found() == []


async def test_a_host_that_is_shut_down_from_inside_is_cleaned_up(host: Host) -> None:
    traces = Traces(host)
    host.run("systemctl", "--no-block", "poweroff")
    await gone(traces.leader)
    while traces.found():
        await asyncio.sleep(0.02)


async def test_two_hives_run_side_by_side(host: Host, tmp_path: Path) -> None:
    other = State(tmp_path / "other")
    assert await launch(LaunchRequest(state=other.root, port=free_port()))
    try:
        host.run("touch", "/run/mine")
        assert Host(other).run("test", "-e", "/run/mine", check=False).returncode != 0
        await stop(other)
        assert host.run("systemctl", "is-active", "dbus.service").stdout == "active\n"
    finally:
        await stop(other)


async def test_the_state_may_lie_below_a_path_with_odd_characters(state: State, tmp_path: Path) -> None:
    odd = State(tmp_path / ("a b:c\\d%e" + "x" * 100))
    assert await launch(LaunchRequest(state=odd.root, port=free_port()))
    try:
        Host(odd).run("touch", "/run/hive/here")
        assert (odd.run / "here").exists()
    finally:
        await stop(odd)


async def test_slow_units_do_not_make_the_stop_hang(host: Host) -> None:
    """While a job runs, systemd sends two status messages a second, which somebody has to read."""
    host.run(
        *("systemd-run", "--unit=slow", "--property=TimeoutStopSec=8", "--"),
        *("sh", "-c", "trap '' TERM; while :; do sleep 1; done"),
    )
    async with asyncio.timeout(40):
        assert await stop(host.state)


class TestKey:
    """The API key is the gateway's, and on no disk."""

    KEY = "sk-ant-integration-4711"

    async def test_it_reaches_the_gateways_unit_and_no_other(self, state: State, request_for: LaunchRequest) -> None:
        await launch(request_for.model_copy(update={"api_key": SecretStr(self.KEY)}))
        host = Host(state)
        assert host.run("cat", "/run/host/credentials/anthropic-api-key").stdout == self.KEY
        given = host.run("find", "/run/credentials", "-name", "anthropic-api-key").stdout.splitlines()
        assert given == ["/run/credentials/hive-gateway.service/anthropic-api-key"]
        environments = host.run("sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null || true").stdout
        assert "PATH=" in environments
        assert self.KEY not in environments
        files = subprocess.run(["grep", "-rlF", self.KEY, str(state.root)], capture_output=True, text=True)
        assert files.stdout == ""

    async def test_without_one_there_is_no_credential(self, host: Host) -> None:
        assert host.run("ls", "/run/host/credentials", check=False).stdout == ""


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[None]:
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small", directory], check=True)
    try:
        yield
    finally:
        # What has just said that it failed, and is nobody's child, may still be closing its files.
        until("nothing there is open", lambda: subprocess.run(["umount", directory]).returncode == 0)


async def test_a_disk_that_fills_up_while_the_host_is_made_is_said_so_and_leaves_nothing(
    as_root: None, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", "16k"):
        state = State(tmp_path / "small" / "hive")
        with pytest.raises(CannotError, match="is full"):
            await launch(LaunchRequest(state=state.root, port=free_port()))
        assert list((tmp_path / "small").iterdir()) == []


async def test_a_full_disk_is_refused_before_anything_is_made(as_root: None, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "1m"):
        done = hive_command("up", "--state", str(tmp_path / "small" / "hive"), check=False)
        assert done.returncode == 1
        assert "is full" in done.stderr.splitlines()[-1]
        assert list((tmp_path / "small").iterdir()) == []


async def test_a_process_that_left_the_hosts_pid_namespace_is_ended_too(host: Host) -> None:
    """By its cgroup: nothing else ties such a process to the host."""
    cgroups = Cgroups(host.record.cgroups)
    stray = subprocess.Popen(["sleep", "1000"])
    for directory in cgroups.directories:
        payload = directory / "payload"
        target = payload if payload.exists() else directory
        procs = target / "init.scope" / "cgroup.procs"
        (procs if procs.exists() else target / "cgroup.procs").write_text(str(stray.pid))
    assert await stop(host.state)
    assert stray.wait() == -signal.SIGKILL


def test_a_cgroup_that_is_removed_while_it_is_read_is_empty(as_root: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroups = Cgroups.planned(f"hive-test-{os.getpid()}", own_hierarchies()[:1])

    def late(file: Path, *_: str) -> str:
        with file.open() as opened:
            file.parent.rmdir()
            return opened.read()

    cgroups.create()
    with monkeypatch.context() as slow:
        slow.setattr(Path, "read_text", late)
        assert cgroups.empty()
        cgroups.create()
        with pytest.raises(OSError, match="No such device"):
            late(cgroups.directories[0] / "cgroup.procs")
