"""What an agent can fill: its own file system, and nothing else of the machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hive_host import Hive

FILL = "cat /dev/zero > {0} 2>/dev/null; stat --format=%s {0}"
MIB = 1024 * 1024
PROBE = """
import asyncio, sys
from pathlib import Path
from hive_core.disks import Images
verb, *words = sys.argv[1:]
asyncio.run(getattr(Images(), verb)(*[Path(w) if w[0] == "/" else int(w) for w in words]))
"""


@pytest.fixture
def glutton(hive: Hive, tmp_path: Path) -> Iterator[str]:
    """An agent with 160 MiB of disk; its machine."""
    config = tmp_path / "agent.toml"
    config.write_text("[limits]\ndisk_mib = 160\n")
    hive.command("spawn", "glutton", "--config", str(config))
    yield "h-glutton"
    hive.command("destroy", "glutton", "--purge", "--yes")


def check(hive: Hive, name: str) -> dict[str, Any]:
    checks = json.loads(hive.command("doctor", "--json", check=False).stdout)["checks"]
    found: dict[str, Any] = next(c for c in checks if c["name"] == name)
    return found


def disks(hive: Hive, verb: str, *words: str) -> None:
    """A verb of core's disks, on the hive host."""
    hive.run("/opt/hive/bin/python3", "-I", "-c", PROBE, verb, *words)


def test_what_containers_are_given_can_be_id_mapped(hive: Hive) -> None:
    assert check(hive, "id-mapping of /run/hive")["ok"]


def test_what_managers_write_is_in_a_file_system_of_its_own(hive: Hive) -> None:
    assert check(hive, "disk of /proposed")["ok"]
    size = hive.run_in("h-manager", "df", "--block-size=1M", "--output=size", "/proposed").stdout
    assert int(size.split()[-1]) <= 2048


def test_an_agent_that_writes_without_end_fills_its_own_disk(hive: Hive, glutton: str) -> None:
    assert check(hive, "disk of glutton")["ok"]
    written = 0
    for place, user in (
        ("/agents/glutton/state", "agent"),
        ("/agents/glutton/claude", "agent"),
        ("/agents/glutton/harness", "root"),
        ("/var/tmp", "agent"),
    ):
        written += int(hive.run_in(glutton, "sh", "-c", FILL.format(f"{place}/zeros"), user=user).stdout)
    assert 64 * MIB < written < 160 * MIB, "all of it together"
    full = check(hive, "disk of glutton")
    assert not full["ok"]
    assert "limits.disk_mib" in full["remedy"]
    # Everybody else goes on: core's disk is another one.
    assert "42" in hive.command("send", "worker", "what is 6*7?", "--wait").stdout
    assert check(hive, "disk")["ok"]
    # Without the wall there is room for that.
    control = "/var/lib/hive/images/control"
    script = f"head --bytes={200 * MIB} /dev/zero > {control}; stat --format=%s {control}; rm {control}"
    assert int(hive.run("sh", "-c", script).stdout) == 200 * MIB

    hive.run_in(glutton, "sh", "-c", "rm -f /agents/glutton/*/zeros /var/tmp/zeros", user="root")
    assert check(hive, "disk of glutton")["ok"]
    assert "42" in hive.command("send", "glutton", "what is 6*7?", "--wait").stdout


def test_the_shared_directory_is_not_the_machine_s_disk_either(hive: Hive, glutton: str) -> None:
    size = int(hive.run("stat", "--format=%s", "/var/lib/hive/images/shared.img").stdout)
    refused = hive.run_in(glutton, "fallocate", f"--length={size}", "/shared/glutton/all", check=False)
    assert "No space left" in refused.stderr
    hive.run_in(glutton, "rm", "/shared/glutton/all")
    hive.run_in(glutton, "fallocate", f"--length={MIB}", "/shared/glutton/some")


def test_a_set_uid_file_of_a_container_is_of_no_use_on_the_machine(hive: Hive, glutton: str) -> None:
    script = "cp /usr/bin/id /agents/glutton/state/id && chmod 4755 /agents/glutton/state/id"
    hive.run_in(glutton, "sh", "-c", script, user="root")
    said = hive.run("/var/lib/hive/agents/glutton/state/id", user="hive-build", check=False)
    assert "euid=0" not in said.stdout
    options = hive.run("findmnt", "--noheadings", "--output=OPTIONS", "/var/lib/hive/agents/glutton").stdout
    assert {"nosuid", "nodev"} <= set(options.split()[0].split(","))


def test_what_is_kept_of_a_destroyed_agent_takes_no_mount_and_comes_back(hive: Hive, glutton: str) -> None:
    hive.run_in(glutton, "sh", "-c", "echo kept > /agents/glutton/state/note")
    hive.command("destroy", "glutton", "--yes")
    assert hive.run("mountpoint", "--quiet", "/var/lib/hive/agents/glutton", check=False).returncode != 0
    hive.command("revive", "glutton")
    assert hive.run_in(glutton, "cat", "/agents/glutton/state/note").stdout == "kept\n"


def test_an_image_takes_what_was_there_and_grows_with_it(hive: Hive) -> None:
    place, image = "/var/lib/hive/probe", "/var/lib/hive/images/probe.img"
    hive.run("mkdir", "--parents", f"{place}/a")
    hive.run("tee", f"{place}/a/note", "/var/lib/hive/images/probe.new", stdin="here\n")
    hive.run("chown", "--recursive", "60610", f"{place}/a")
    hive.run("ln", "--symbolic", "/etc", f"{place}/link")
    hive.run("mkfifo", f"{place}/fifo")
    disks(hive, "attach", place, image, "128")
    kinds = hive.run("stat", "--format=%u %F", f"{place}/a/note", f"{place}/link", f"{place}/fifo").stdout
    assert kinds.splitlines() == ["60610 regular file", "0 symbolic link", "0 fifo"]
    blocks = ("stat", "--file-system", "--format=%b", place)
    before = int(hive.run(*blocks).stdout)
    disks(hive, "attach", place, image, "256")
    assert int(hive.run(*blocks).stdout) > before * 1.8
    assert hive.run("cat", f"{place}/a/note").stdout == "here\n"
    # What is smaller changes nothing, and a second time neither.
    disks(hive, "attach", place, image, "128")
    assert hive.run("stat", "--format=%s", image).stdout.strip() == str(256 * MIB)
    disks(hive, "detach", place)
    assert hive.run("ls", place).stdout == "", "it took what was there with it"
    disks(hive, "remove", place, image)
    disks(hive, "remove", place, image)
    assert hive.run("ls", place, image, check=False).returncode != 0
