"""Filling and emptying the stateless root, whatever the last run left in it."""

import os
import shlex
from pathlib import Path

import pytest

from hive_base.paths import RunPaths, StatePaths
from hive_core.containers.models import ContainerSpec
from hive_core.containers.stateless import StatelessDriver
from hive_rpc.errors import StorageError

SPEC = ContainerSpec(agent="worker", machine="h-worker")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a root is root's")


@pytest.fixture
def driver(tmp_path: Path) -> StatelessDriver:
    return StatelessDriver(RunPaths(), StatePaths(tmp_path), confs=tmp_path / "confs")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return StatePaths(tmp_path).container_root("worker")


async def test_a_new_run_begins_with_a_new_root_and_the_same_machine_id(driver: StatelessDriver, root: Path) -> None:
    await driver.fill(SPEC)
    machine_id = (root / "etc/machine-id").read_text()
    (root / "var/tmp/left").write_text("over")
    (root / "root/.profile").write_text("evil")
    (root / "etc/passwd").write_text("evil")
    (root / "etc/systemd/system/evil.service").write_text("[Service]")
    (root / "sneaked-in").write_text("over")
    await driver.fill(SPEC)
    assert (root / "etc/machine-id").read_text() == machine_id
    assert not any((root / p).exists() for p in ("var/tmp/left", "root/.profile", "sneaked-in"))
    assert not (root / "etc/systemd/system/evil.service").exists()
    assert "evil" not in (root / "etc/passwd").read_text()


async def test_two_agents_have_different_machine_ids(driver: StatelessDriver, root: Path) -> None:
    await driver.fill(SPEC)
    await driver.fill(ContainerSpec(agent="other", machine="h-other"))
    assert (root / "etc/machine-id").read_text() != (root.parents[1] / "other/root/etc/machine-id").read_text()


async def test_a_root_full_of_traps_is_emptied_without_following_any(
    driver: StatelessDriver, root: Path, tmp_path: Path
) -> None:
    await driver.fill(SPEC)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("here")
    (root / "link").symlink_to(precious)
    os.mkfifo(root / "fifo")
    (root / "etc/machine-id").unlink()
    (root / "etc/machine-id").symlink_to(precious / "file")
    (root / "etc/systemd/system").rename(root / "etc/systemd/moved")
    (root / "etc/systemd/system").symlink_to(precious)
    await driver.fill(SPEC)
    assert (precious / "file").read_text() == "here"
    assert [entry.name for entry in precious.iterdir()] == ["file"]
    assert (root / "etc/systemd/system/hive-agent.service").is_file()
    assert not (root / "etc/machine-id").is_symlink()


async def test_the_conf_says_how_the_container_is_walled_in(driver: StatelessDriver, tmp_path: Path) -> None:
    await driver.fill(SPEC)
    words = shlex.split((tmp_path / "confs/h-worker.conf").read_text())
    variables = dict(word.split("=", 1) for word in words)
    assert variables.keys() == {"ROOT", "EXTRA_NSPAWN_FLAGS"}
    assert variables["ROOT"] == str(tmp_path / "agents" / "worker" / "root")
    flags = variables["EXTRA_NSPAWN_FLAGS"].split(" ")
    assert {"--private-users=pick", "--private-network", "--no-new-privileges=yes", "--hostname=worker"} <= set(flags)


async def test_after_its_removal_there_is_nothing_to_start(driver: StatelessDriver, tmp_path: Path) -> None:
    await driver.fill(SPEC)
    await driver.remove("h-worker")
    await driver.remove("h-worker")
    assert list((tmp_path / "confs").iterdir()) == []


async def test_a_root_that_cannot_be_made_is_one_sentence(driver: StatelessDriver, tmp_path: Path) -> None:
    (tmp_path / "agents").write_text("in the way")
    with pytest.raises(StorageError, match="h-worker"):
        await driver.fill(SPEC)
