"""Code inside of a service's own sandbox: a transient unit with the very properties of the unit file.

What it can reach is a closed list. The control is the same program as root, outside: there every attempt succeeds.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import stolen
from tests.support.hive_host import Hive

OF_THE_PROCESS = {"Type", "ExecStart", "Restart", "RestartSec", "WatchdogSec", "TimeoutStopSec"}
"""What says how the service runs, not what it may do."""
OF_THE_RUNNING_ONE = {"RuntimeDirectory", "RuntimeDirectoryMode", "StateDirectory", "StateDirectoryMode"}
"""systemd would take them away from the running service, or give them to another."""
PRIVATE = {"/tmp", "/var/tmp", "/dev/mqueue"}
"""Directories and a namespace of its own."""
SYSTEMD = {
    f"/run/systemd/{name}"
    for name in (
        "io.system.ManagedOOM",
        "journal/dev-log",
        "journal/socket",
        "journal/stdout",
        "notify",
        "userdb/io.systemd.DynamicUser",
        "userdb/io.systemd.Machine",
    )
}
"""What systemd lets everybody say something to."""


def properties(hive: Hive, unit: str) -> list[str]:
    text = hive.run("cat", f"/etc/systemd/system/{unit}.service").stdout
    section = text.split("[Service]\n")[1].split("\n[")[0]
    lines = [line for line in section.splitlines() if line and not line.startswith("#")]
    left = OF_THE_PROCESS | OF_THE_RUNNING_ONE
    return [f"--property={line}" for line in lines if line.split("=")[0] not in left]


def tried(hive: Hive, sockets: list[str], *confined: str) -> dict[str, Any]:
    core = hive.property("hive-core.service", "MainPID")
    program = Path(stolen.__file__).read_text()
    words = ("/opt/hive/bin/python3", "-I", "-c", program, core, json.dumps(sockets))
    unit = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect", *confined, "--")
    found: dict[str, Any] = json.loads(hive._run([*unit, *words], check=True, stdin=None, limit=120).stdout)
    return found


@pytest.fixture(scope="module")
def outside(hive: Hive) -> dict[str, Any]:
    return tried(hive, [])


def test_nothing_of_it_fails_for_want_of_anything_but_leave(outside: dict[str, Any]) -> None:
    assert outside["done"] == outside["tried"]
    assert {"/run/hive/operator.sock", "/run/dbus/system_bus_socket", "/run/systemd/private"} < set(outside["sockets"])
    assert "/" in outside["writable"]


@dataclass(frozen=True)
class Reach:
    """What is a service's own."""

    done: list[str]
    sockets: set[str]
    of_each_agent: set[str]
    writable: set[str]


REACH = {
    "hive-web": Reach([], {"/run/hive/web.sock"}, set(), {"/run/hive-web"}),
    "hive-gateway": Reach(
        ["list the gateway's state"],
        {"/run/hive/gateway.sock", "/run/hive-login/login.sock"},
        {"gateway/egress.sock", "gateway/gateway.sock"},
        set(),
    ),
}


@pytest.mark.parametrize("unit", REACH)
def test_a_stolen_service_reaches_what_is_its_own_and_nothing_else(
    hive: Hive, outside: dict[str, Any], unit: str
) -> None:
    found, reach = tried(hive, outside["sockets"], *properties(hive, unit)), REACH[unit]
    pid = hive.property(f"{unit}.service", "MainPID")
    lines = hive.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert found["status"] == {name: status[name] for name in found["status"]}, "it is as confined as the service"
    assert found["done"] == reach.done
    agents = {f"/run/hive/agents/{a['name']}/{name}" for a in hive.status()["agents"] for name in reach.of_each_agent}
    assert set(found["sockets"]) - SYSTEMD == reach.sockets | agents
    assert set(found["writable"]) == PRIVATE | reach.writable


def test_a_service_that_crashes_leaves_no_memory_behind(hive: Hive) -> None:
    def dumps(unit: str) -> list[str]:
        limits = hive.run("cat", f"/proc/{hive.property(f'{unit}.service', 'MainPID')}/limits").stdout.splitlines()
        return next(line for line in limits if line.startswith("Max core file size")).split()[4:6]

    for unit in ("hive-core", "hive-web", "hive-gateway"):
        assert dumps(unit) == ["0", "0"], unit
    assert dumps("dbus")[1] == "unlimited", "control"
