"""An agent's directories: who may enter which, and what root refuses to touch."""

import os
import stat
from pathlib import Path

import pytest

from hive_base.paths import RunPaths, StatePaths
from hive_base.users import GATEWAY, MODEL
from hive_core.agents.directories import Directories
from hive_core.containers.binds import agent_binds
from hive_rpc.errors import ConflictError, StorageError
from tests.support.plain_disks import PlainDisks

MIB = 1024

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners")


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    (tmp_path / "run").mkdir()
    return RunPaths(tmp_path / "run")


@pytest.fixture
def state(tmp_path: Path) -> StatePaths:
    (tmp_path / "lib").mkdir(mode=0o700)
    return StatePaths(tmp_path / "lib")


def owner_and_mode(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


async def test_each_directory_is_open_to_those_who_use_it_only(run: RunPaths, state: StatePaths) -> None:
    await Directories(run, state, PlainDisks()).make("worker", MIB)
    model, gateway = MODEL.uid, GATEWAY.uid
    assert owner_and_mode(state.agent("worker")) == (0, 0, 0o700)
    assert owner_and_mode(state.state("worker")) == (model, model, 0o700)
    assert owner_and_mode(state.claude("worker")) == (model, model, 0o700)
    assert owner_and_mode(state.harness("worker")) == (0, 0, 0o700)
    assert owner_and_mode(state.shared) == (0, 0, 0o755)
    assert owner_and_mode(state.shared_corner("worker")) == (model, model, 0o755)
    assert owner_and_mode(run.core_directory("worker")) == (0, 0, 0o700)
    assert owner_and_mode(run.gateway_directory("worker")) == (gateway, gateway, 0o700)
    assert owner_and_mode(run.agents / "worker") == (0, 0, 0o711)


async def test_whatever_agents_can_write_has_a_file_system_of_its_own(run: RunPaths, state: StatePaths) -> None:
    disks = PlainDisks()
    directories = Directories(run, state, disks)
    await directories.share()
    await directories.make("worker", MIB)
    binds = (*agent_binds("worker", run, state), *directories.manager_binds("worker"))
    written = [bind.source for bind in binds if not bind.read_only and bind.source.is_relative_to(state.root)]
    assert state.proposed in written
    assert [path for path in written if not any(path.is_relative_to(place) for place in disks.attached)] == []


async def test_making_them_again_mends_them_and_keeps_what_is_in_them(run: RunPaths, state: StatePaths) -> None:
    directories = Directories(run, state, PlainDisks())
    assert await directories.make("worker", MIB)
    (state.state("worker") / "note").write_text("kept")
    state.harness("worker").chmod(0o777)
    assert not await directories.make("worker", MIB)
    assert owner_and_mode(state.harness("worker")) == (0, 0, 0o700)
    assert (state.state("worker") / "note").read_text() == "kept"


async def test_a_symlink_in_the_place_of_a_directory_is_refused(
    run: RunPaths, state: StatePaths, tmp_path: Path
) -> None:
    directories = Directories(run, state, PlainDisks())
    await directories.make("worker", MIB)
    state.claude("worker").rmdir()
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    state.claude("worker").symlink_to(victim)
    with pytest.raises(StorageError):
        await directories.make("worker", MIB)
    assert owner_and_mode(victim) == (os.getuid(), os.getgid(), 0o755)


async def test_when_they_cannot_be_made_nothing_new_is_left(run: RunPaths, state: StatePaths) -> None:
    state.shared.write_text("in the way")
    with pytest.raises(StorageError):
        await Directories(run, state, PlainDisks()).make("worker", MIB)
    assert not state.agent("worker").exists()


@pytest.mark.parametrize("mode", [0o701, 0o750, 0o755])
async def test_a_state_directory_that_others_may_enter_is_refused(run: RunPaths, state: StatePaths, mode: int) -> None:
    await Directories(run, state, PlainDisks()).check()
    state.root.chmod(mode)
    with pytest.raises(ConflictError, match="must be root's alone"):
        await Directories(run, state, PlainDisks()).check()


async def test_a_state_directory_of_somebody_else_is_refused(run: RunPaths, state: StatePaths) -> None:
    os.chown(state.root, MODEL.uid, 0)
    with pytest.raises(ConflictError, match="must be root's alone"):
        await Directories(run, state, PlainDisks()).check()


async def test_deleting_what_is_not_there_is_no_error(run: RunPaths, state: StatePaths) -> None:
    directories = Directories(run, state, PlainDisks())
    await directories.purge("nobody")
    await directories.put_away("nobody")
