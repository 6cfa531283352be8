"""Agents in containers that are NixOS systems, from what they are built of to their end.

The machine is like NixOS as far as the hive can see (tests.support.nixos_host); the hive is whole and confined as ever.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hive_rpc.configuration import JobStep
from tests.support import manager_story
from tests.support.hive_host import Host, booted
from tests.support.nixos_host import PROGRAM, START, install, make_nixos
from tests.support.patience import until

pytestmark = pytest.mark.skipif(shutil.which("nix-daemon") is None, reason="needs nix")

MACHINE, UNIT = "h-worker", "container@h-worker.service"
BROKEN = 'BROKEN = "yes"\n'
"""See tests/support/nixos/switch-to-configuration."""
SECRET = "correct-horse-battery"


class Hive(Host):
    def ask(self, text: str) -> str:
        return self.command("send", "worker", text, "--wait").stdout

    def edit(self, tmp_path: Path, config: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Give the worker another configuration."""
        (tmp_path / "agent.toml").write_text(config)
        return self.command("config", "worker", "edit", "--file", str(tmp_path / "agent.toml"), "--yes", check=check)

    def boot(self) -> str:
        """An id of this run of the worker's container."""
        return self.property(UNIT, "InvocationID")

    def inside(self, *words: str, check: bool = True) -> str:
        """What root in the worker's container gets to see."""
        return self.run_in(MACHINE, *words, user="root", check=check).stdout

    def settings(self) -> dict[str, Any]:
        """What the system was built from that runs."""
        found: dict[str, Any] = json.loads(self.inside("cat", "/run/current-system/etc/settings.json"))
        return found


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """With an agent, the worker."""
    with booted(tmp_path_factory.mktemp("nixos")) as state:
        hive = Hive(state)
        make_nixos(hive)
        until("core is back", hive.answers)
        hive.command("spawn", "worker")
        yield hive


@contextmanager
def unmapped(hive: Hive) -> Iterator[None]:
    """The worker's container is started as if the conf did not ask for users of its own."""
    drop_in = Path(f"/run/systemd/system/{UNIT}.d/unmapped.conf")
    conf = f"/etc/nixos-containers/{MACHINE}.conf"
    edit = f"/usr/bin/sed -i -e s/^PRIVATE_USERS=.*// -e s/:idmap//g {conf}"
    install(hive, drop_in, f"[Service]\nExecStartPre={edit}\n")
    hive.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        hive.run("rm", drop_in)
        hive.run("systemctl", "daemon-reload")


def test_an_agent_is_built_boots_and_answers(hive: Hive) -> None:
    assert "42" in hive.ask("run echo $((6*7))")
    assert hive.settings() == {}
    system = hive.inside("readlink", "/run/current-system").strip()
    assert f'SYSTEM_PATH="{system}"' in hive.run("cat", f"/etc/nixos-containers/{MACHINE}.conf").stdout
    assert hive.run("readlink", "-f", f"/nix/var/nix/profiles/per-container/{MACHINE}/system").stdout.strip() == system
    found = {c["name"]: c["ok"] for c in json.loads(hive.command("doctor", "--json", check=False).stdout)["checks"]}
    assert found["containers"]
    assert found["id-mapping of /nix/store"]


def test_of_the_machine_it_sees_the_store_and_nothing_else_of_nix(hive: Hive) -> None:
    assert hive.run("test", "-S", "/nix/var/nix/daemon-socket/socket").returncode == 0, "control: the daemon is there"
    assert hive.run("ls", f"/nix/var/nix/profiles/per-container/{MACHINE}").stdout, "control: the profile is there"
    for place in ("daemon-socket", "profiles", "gcroots"):
        assert hive.inside("ls", "-A", f"/nix/var/nix/{place}") == ""
        assert hive.run_in(MACHINE, "umount", f"/nix/var/nix/{place}", user="root", check=False).returncode != 0
    hive.inside("sh", "-c", "mount -t tmpfs tmpfs /mnt && umount /mnt || mkdir /mnt && mount -t tmpfs tmpfs /mnt")
    hive.inside("touch", "/nix/var/nix/profiles/mine")
    assert "mine" not in hive.run("ls", f"/nix/var/nix/profiles/per-container/{MACHINE}").stdout
    assert hive.inside("sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1").strip() == "lo"
    assert hive.run("find", "/var/log/journal", "-type", "l").stdout == "", "no journal of it is read as the machine's"


def test_what_it_leaves_in_its_root_does_not_reach_the_machine(hive: Hive) -> None:
    # The unit changes the mode of `root` and `etc` in there at each start, as root of the machine and by path.
    hive.run("install", "-d", "--mode=0750", "/srv/precious")
    hive.inside("sh", "-c", "rm -rf /root && ln -s /srv/precious /root; touch /left")
    before = hive.boot()
    hive.run_in(MACHINE, "systemctl", "reboot", user="root", check=False)
    until("it has rebooted", lambda: hive.boot() != before and hive.agent("worker")["state"] == "idle")
    assert hive.run("stat", "--format=%a", "/srv/precious").stdout == "750\n"
    assert hive.run_in(MACHINE, "test", "-e", "/left", user="root", check=False).returncode == 1
    assert hive.property(UNIT, "NRestarts") != "0", "by systemd, because nspawn ended with 133"


def test_another_configuration_is_switched_to_without_a_boot(hive: Hive, tmp_path: Path) -> None:
    before = hive.boot()
    hive.edit(tmp_path, '[environment]\nCOLOR = "blue"\n')
    assert hive.settings()["environment"] == {"COLOR": "blue"}
    assert hive.boot() == before
    assert "blue" in hive.ask("run echo $COLOR")


def test_other_mounts_are_a_boot(hive: Hive, tmp_path: Path) -> None:
    hive.run("install", "-D", "/dev/stdin", "/srv/data/file", stdin="there")
    before = hive.boot()
    mount = '[[mounts]]\nsource = "/srv/data"\ntarget = "/data"\n'
    hive.edit(tmp_path, f'nix = true\npackages = ["ripgrep"]\n{mount}')
    assert hive.boot() != before
    assert hive.inside("cat", "/data/file") == "there"
    # Who may use nix reaches its daemon, and still none of what is kept for it.
    assert hive.settings()["packages"] == ["ripgrep"]
    hive.inside("test", "-S", "/nix/var/nix/daemon-socket/socket")
    assert hive.inside("ls", "-A", "/nix/var/nix/profiles") == ""


def test_a_switch_that_fails_is_taken_back_and_told(hive: Hive, tmp_path: Path) -> None:
    hive.edit(tmp_path, '[environment]\nCOLOR = "green"\n')
    refused = hive.edit(tmp_path, '[environment]\nBROKEN = "yes"\n', check=False)
    assert refused.returncode == 1
    assert "broken.service" in refused.stderr
    assert hive.settings()["environment"] == {"COLOR": "green"}
    assert hive.agent("worker")["state"] == "idle"
    assert "green" in hive.ask("run echo $COLOR")


def test_inputs_are_updated_by_all_or_by_none(hive: Hive) -> None:
    nixpkgs = Path("/etc/hive/flake/nixpkgs")
    assert "Nothing is new" in hive.command("inputs", "update", "--yes", check=False).stderr
    install(hive, nixpkgs / "etc/release", "two\n")
    assert "+nixpkgs sha256-" in hive.command("inputs", "update", "nixpkgs", "--yes").stderr
    assert hive.inside("cat", "/etc/release") == "two\n"
    pinned = [entry["revision"] for entry in json.loads(hive.command("inputs", "--json").stdout)["inputs"]]
    install(hive, nixpkgs / "etc/release", "three\n")
    switch = hive.run("cat", nixpkgs / "switch-to-configuration").stdout
    install(hive, nixpkgs / "switch-to-configuration", "#!/bin/sh\nexit 4\n", mode="0755")
    assert hive.command("inputs", "update", "--yes", check=False).returncode == 1
    assert hive.inside("cat", "/etc/release") == "two\n"
    found = json.loads(hive.command("inputs", "--json").stdout)["inputs"]
    assert [entry["revision"] for entry in found] == pinned
    assert "42" in hive.ask("run echo $((6*7))")
    install(hive, nixpkgs / "switch-to-configuration", switch, mode="0755")


@pytest.fixture(scope="module")
def manager(hive: Hive, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is there, too."""
    config = tmp_path_factory.mktemp("manager") / "agent.toml"
    config.write_text('capabilities = ["manager"]\n')
    hive.command("spawn", "manager", "--config", str(config))


@pytest.mark.usefixtures("manager")
def test_what_the_manager_proposes_is_built_and_run_or_taken_back(hive: Hive) -> None:
    manager_story.a_change_is_what_the_worker_runs_with(hive)
    manager_story.a_broken_one_is_taken_back(hive, BROKEN, "broken.service")
    assert hive.settings()["environment"] == {"COLOR": "blue"}


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("step", [JobStep.BUILD, JobStep.SWITCH, JobStep.ROLL_BACK])
def test_core_may_be_killed_in_each_step_that_another_kind_of_container_does_otherwise(
    hive: Hive, step: JobStep
) -> None:
    """tests/e2e/test_manager.py has the others, and switch and roll back too."""
    manager_story.core_may_be_killed(hive, step, f"green-{step}", BROKEN)


def test_a_secret_has_its_value_in_the_container_alone(hive: Hive, tmp_path: Path) -> None:
    (hive.state.secrets / "forge").write_text(f"{SECRET}\n")
    (hive.state.secrets / "forge").chmod(0o600)
    before = hive.boot()
    hive.edit(tmp_path, '[secrets]\nFORGE_TOKEN = "forge"\n')
    assert hive.boot() != before, "systemd-nspawn reads it when it starts"
    assert f"{len(SECRET)} characters" in hive.ask('run echo "${#FORGE_TOKEN} characters"')
    assert SECRET in hive.inside("cat", "/run/host/credentials/hive.forge"), "control: root reads it there"
    assert "Permission denied" in hive.ask("run cat /run/host/credentials/hive.forge 2>&1")
    conf = hive.run("cat", f"/etc/nixos-containers/{MACHINE}.conf").stdout
    assert "--load-credential=hive.forge:" in conf
    for seen in (conf, hive.run("ps", "axww", "-o", "args").stdout, hive.run("systemctl", "show", UNIT).stdout):
        assert SECRET not in seen
    # Every user and every container can read the store.
    assert hive.run("grep", "-rlF", "FORGE_TOKEN", "/nix/store").stdout, "control: what names it is found there"
    assert hive.run("grep", "-rlF", SECRET, "/nix/store", check=False).stdout == ""
    for unit in (UNIT, "hive-core.service"):
        assert SECRET not in hive.journal(unit)
    hive.edit(tmp_path, "")


def test_one_that_is_killed_comes_back(hive: Hive) -> None:
    before = hive.boot()
    hive.run("kill", "-KILL", hive.property(UNIT, "MainPID"))
    until("it is back", lambda: hive.boot() != before and hive.agent("worker")["state"] == "idle")


def test_a_container_that_is_started_unmapped_is_killed_and_says_why(hive: Hive) -> None:
    base = hive.inside("cut", "-c1-21", "/proc/self/uid_map").split()[1]
    assert int(base) >= 524288, "control"
    with unmapped(hive):
        refused = hive.command("restart", "worker", check=False)
        assert refused.returncode == 1
        assert "without a user namespace" in refused.stderr
        # It is refused as soon as it is known that the container may not run, which then has to end.
        until("the container has ended", lambda: hive.agent("worker")["container"] == "stopped")
        shown = hive.agent("worker")
        assert shown["state"] == "failed"
        assert "without a user namespace" in shown["reason"]
        assert MACHINE not in hive.run("machinectl", "list", "--no-legend").stdout
    hive.command("start", "worker")
    assert "42" in hive.ask("run echo $((6*7))")


def test_a_reboot_into_no_namespace_is_killed_too(hive: Hive) -> None:
    with unmapped(hive):
        hive.run_in(MACHINE, "systemctl", "reboot", user="root", check=False)
        until("it shows", lambda: hive.agent("worker")["until"])
        shown = hive.agent("worker")
        assert shown["state"] == "failed"
        assert "without a user namespace" in shown["reason"]
    hive.command("start", "worker")


def test_a_machine_that_lacks_what_it_needs_says_so(hive: Hive) -> None:
    hive.run("mv", PROGRAM, f"{PROGRAM}.away")
    assert "this machine has no nixos-container" in hive.command("doctor", check=False).stdout
    assert "this machine has no nixos-container" in hive.command("restart", "worker", check=False).stderr
    hive.run("mv", f"{PROGRAM}.away", PROGRAM)
    script = hive.run("cat", START).stdout
    install(hive, START, script.replace("PRIVATE_USERS", "NO_SUCH_WORD"), mode="0755")
    refused = hive.command("start", "worker", check=False)
    assert "does not know PRIVATE_USERS" in refused.stderr
    install(hive, START, script, mode="0755")
    hive.command("start", "worker")


def test_a_long_name_and_of_a_destroyed_agent_nothing_is_left(hive: Hive) -> None:
    name = "researcher-of-small-things"
    hive.command("spawn", name)
    machine = hive.agent(name)["machine"]
    assert len(machine) <= 11
    places = ("/etc/nixos-containers", "/var/lib/nixos-containers", "/nix/var/nix/profiles", "/nix/var/nix/gcroots")
    look = ("find", *places, "-name", f"{machine}*")
    assert len(hive.run(*look).stdout.splitlines()) == len(places)
    hive.command("destroy", name, "--yes")
    assert hive.run(*look).stdout == ""
