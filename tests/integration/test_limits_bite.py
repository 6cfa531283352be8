"""The limits of an agent's container, where they bite.

In the usual hive host the controllers of a machine without systemd are v1 and out of reach, so only the properties
can be seen there (test_containers_lives). This host is booted with the v1 hierarchies writable instead: the same
units, the same core, and limits that the kernel enforces.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hive_base.process import BASE_ENVIRONMENT
from hive_cli.up.cgroups import Cgroups, own_hierarchies
from hive_cli.up.host import HostConfig, make_directories, nspawn_arguments, skeleton
from hive_cli.up.notify import Notice, listening
from hive_cli.up.state import HostRecord, State
from tests.support.hive_host import Host, free_port, hive_command

INIT = """#!/bin/sh
for controller in memory pids cpu cpuacct blkio devices cpuset freezer; do
    mount -o remount,bind,rw /sys/fs/cgroup/$controller
done
exec /usr/lib/systemd/systemd
"""
FRUGAL = "[limits]\nmemory_mib = 400\ncpu_percent = 20\ntasks = 100\n"
ALLOCATE = "x = bytearray(700 << 20); print(len(x))"
FORK = """
import os, signal
children = []
try:
    while len(children) < 150:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except BlockingIOError:
    pass
print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
for child in children:
    # Or the unit is not over: with these controllers its systemd is not told when a cgroup has become empty.
    os.waitpid(child, 0)
"""
BURN = """
import time
while time.process_time() < 1:
    pass
"""


def v1_controllers_are_mounted() -> bool:
    return Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").parent.is_dir()


def arguments(state: State) -> Sequence[str]:
    usual = [argument for argument in nspawn_arguments(state, api_key_fd=None) if argument != "--boot"]
    # Every capability is needed to remount, and goes with a network of its own only.
    return [*usual, "--private-network", "--capability=all", "--kill-signal=SIGRTMIN+3", "--", "/init.sh"]


@asynccontextmanager
async def limiting_host(state: State) -> AsyncIterator[Host]:
    make_directories(state)
    skeleton(HostConfig(port=free_port())).build(state.host)
    init = state.host / "init.sh"
    init.write_text(INIT)
    init.chmod(0o755)
    cgroups = Cgroups.planned(state.machine, own_hierarchies())
    record = HostRecord(
        machine=state.machine, launcher=os.getpid(), port=0, cgroups=tuple(cgroups.directories), leader=None
    )
    state.write_record(record)
    cgroups.create()
    ready = asyncio.Event()

    def heard(notice: Notice) -> None:
        if notice.leader is not None:
            state.write_record(record.model_copy(update={"leader": notice.leader}))
        if notice.ready:
            ready.set()

    with listening(state.notify_socket, heard):
        nspawn = await asyncio.create_subprocess_exec(
            *arguments(state),
            env={**BASE_ENVIRONMENT, "NOTIFY_SOCKET": str(state.notify_socket)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=cgroups.enter,
            start_new_session=True,
        )
        try:
            await ready.wait()
            yield Host(state)
        finally:
            nspawn.terminate()
            await nspawn.wait()


async def test_memory_processors_and_tasks_are_limited(state: State, tmp_path: Path) -> None:
    if not v1_controllers_are_mounted():
        pytest.skip("the controllers are not v1 here")
    config = tmp_path / "frugal.toml"
    config.write_text(FRUGAL)
    async with limiting_host(state) as host:
        await asyncio.to_thread(hive_command, "spawn", "frugal", "--config", str(config), "--state", str(state.root))
        status = await asyncio.to_thread(hive_command, "status", "--json", "--state", str(state.root))
        (agent,) = json.loads(status.stdout)["agents"]

        def inside(code: str) -> "subprocess.CompletedProcess[str]":
            return host.run_in(agent["machine"], "/opt/hive/bin/python3", "-I", "-c", code, check=False)

        def outside(code: str) -> "subprocess.CompletedProcess[str]":
            return host.run("/opt/hive/bin/python3", "-I", "-c", code, check=False)

        killed, allowed = await asyncio.to_thread(inside, ALLOCATE), await asyncio.to_thread(outside, ALLOCATE)
        assert killed.stdout == ""
        assert killed.returncode != 0
        assert allowed.stdout.strip() == str(700 << 20)

        few, many = await asyncio.to_thread(inside, FORK), await asyncio.to_thread(outside, FORK)
        assert int(few.stdout) < 100
        assert int(many.stdout) == 150

        unit = f"container@{agent['machine']}.service"

        async def throttled_by_a_second_of_work() -> int:
            """How often the kernel held the container back (cpu.stat, the kernel's sched-bwc documentation)."""
            statistics = f"/sys/fs/cgroup/cpu/machine.slice/{unit}/cpu.stat"
            before = host.run("cat", statistics).stdout
            assert (await asyncio.to_thread(inside, BURN)).returncode == 0
            after = host.run("cat", statistics).stdout
            return _throttled(after) - _throttled(before)

        assert await throttled_by_a_second_of_work() > 0
        host.run("systemctl", "set-property", "--runtime", unit, "CPUQuota=")
        assert await throttled_by_a_second_of_work() == 0


def _throttled(statistics: str) -> int:
    return int(dict(line.split() for line in statistics.splitlines())["nr_throttled"])
