"""The stateless root: complete, the same each time, and safe to renew after a hostile owner."""

import os
import stat
from pathlib import Path

import pytest

from hive_base.skeleton import Account, File, Skeleton
from hive_base.users import MODEL, OPERATORS_GROUP, User

SKELETON = Skeleton(
    hostname="h-worker",
    accounts=[Account(User("agent", os.getuid()), home="/home/agent", shell="/bin/bash")],
    groups=[OPERATORS_GROUP],
    units={"hive-agent.service": "[Service]\n", "hive-agent.service.d/limits.conf": "[Service]\nTasksMax=5\n"},
    wants=["hive-agent.service"],
    masks=["systemd-logind.service"],
    files={"etc/hive/core.toml": File('name = "x"\n'), "etc/credstore/key": File("secret", mode=0o600)},
    directories=["agents/worker/state"],
    symlinks={"etc/localtime": "/usr/share/zoneinfo/UTC"},
)


def listing(root: Path) -> dict[str, str]:
    """Every path in the tree with its mode and what it holds."""
    found = {}
    for path in sorted(root.rglob("*")):
        mode = stat.filemode(path.lstat().st_mode)
        content = str(path.readlink()) if path.is_symlink() else path.read_text("latin-1") if path.is_file() else ""
        found[str(path.relative_to(root))] = f"{mode} {content}"
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    SKELETON.build(root)
    return root


def test_it_boots_into_a_target_that_wants_what_was_asked_for(root: Path) -> None:
    units = root / "etc/systemd/system"
    assert (units / "default.target").readlink() == Path("hive.target")
    assert "Wants=dbus.service hive-agent.service\n" in (units / "hive.target").read_text()
    assert (units / "systemd-logind.service").readlink() == Path("/dev/null")
    assert (units / "hive-agent.service.d/limits.conf").read_text() == "[Service]\nTasksMax=5\n"


def test_none_of_the_machines_generators_runs(root: Path) -> None:
    installed = {path.name for path in Path("/usr/lib/systemd/system-generators").iterdir()}
    assert "systemd-fstab-generator" in installed
    masked = root / "etc/systemd/system-generators"
    assert {path.name: path.readlink() for path in masked.iterdir()} == dict.fromkeys(installed, Path("/dev/null"))


def test_accounts_and_groups_have_their_reserved_numbers(root: Path) -> None:
    passwd = (root / "etc/passwd").read_text().splitlines()
    assert f"agent:*:{os.getuid()}:{os.getuid()}::/home/agent:/bin/bash" in passwd
    assert all(line.split(":")[1] == "*" for line in passwd), "nobody can sign in with a password"
    assert f"hive-operators:*:{OPERATORS_GROUP.uid}:" in (root / "etc/group").read_text().splitlines()


def test_a_home_is_made_and_closed_to_others(root: Path) -> None:
    home = (root / "home/agent").stat()
    assert stat.S_IMODE(home.st_mode) == 0o700
    assert home.st_uid == os.getuid()


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        SKELETON.build(tmp_path / "strict")
    finally:
        os.umask(before)
    SKELETON.build(tmp_path / "usual")
    strict, usual = listing(tmp_path / "strict"), listing(tmp_path / "usual")
    assert {p: c for p, c in strict.items() if p != "etc/machine-id"} == {
        p: c for p, c in usual.items() if p != "etc/machine-id"
    }
    assert strict["etc/hive/core.toml"].startswith("-rw-r--r--")
    assert strict["etc/credstore/key"].startswith("-rw-------")
    assert strict["tmp"].startswith("drwxrwxrwt")


def test_building_again_changes_nothing(root: Path) -> None:
    before = listing(root)
    SKELETON.build(root)
    assert listing(root) == before


def test_what_was_put_into_etc_is_gone_and_what_was_left_elsewhere_stays(root: Path) -> None:
    (root / "etc/systemd/system/evil.service").write_text("x")
    (root / "home/agent/notes").write_text("x")
    SKELETON.build(root)
    assert not (root / "etc/systemd/system/evil.service").exists()
    assert (root / "home/agent/notes").read_text() == "x"


def test_a_machine_id_that_is_not_one_is_replaced(root: Path) -> None:
    machine_id = root / "etc/machine-id"
    machine_id.chmod(0o644)
    machine_id.write_text("0" * 32 + "; rm -rf /\n")
    SKELETON.build(root)
    assert len(machine_id.read_text()) == 33
    assert machine_id.read_text() != "0" * 32 + "\n"


@pytest.mark.parametrize("name", ["etc", "home", "var", "agents", "bin", "tmp"])
def test_a_symlink_left_in_the_tree_is_replaced_and_never_followed(root: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / name).rename(tmp_path / "moved")
    (root / name).symlink_to(outside)
    SKELETON.build(root)
    assert list(outside.iterdir()) == []
    assert not (root / name).is_symlink() or name == "bin"


@pytest.mark.parametrize("target", ["/etc/shadow", "/dev/zero"])
def test_a_machine_id_that_is_a_symlink_is_not_read(root: Path, target: str) -> None:
    (root / "etc/machine-id").unlink()
    (root / "etc/machine-id").symlink_to(target)
    SKELETON.build(root)
    assert not (root / "etc/machine-id").is_symlink()


def test_a_fifo_in_place_of_the_machine_id_does_not_block(root: Path) -> None:
    (root / "etc/machine-id").unlink()
    os.mkfifo(root / "etc/machine-id")
    SKELETON.build(root)
    assert (root / "etc/machine-id").is_file()


@pytest.mark.parametrize("path", ["/etc/x", "../x", "etc/../../x", ""])
def test_a_path_outside_the_tree_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside the tree"):
        Skeleton(hostname="x", files={path: File("x")}).build(tmp_path / "root")


def test_the_models_user_is_nobody_elses() -> None:
    assert 60578 <= MODEL.uid <= 61183
