"""Where the host's cgroup lies, on each of the layouts that machines have."""

from pathlib import Path

from hive_cli.up.cgroups import Cgroups, Hierarchy, hierarchies

MOUNT = "{n} 25 0:{n} / /sys/fs/cgroup{where} rw,nosuid - {kind} cgroup rw,{options}\n"


def mounted(*mounts: tuple[str, str, str]) -> str:
    other = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    return other + "".join(MOUNT.format(n=n, where=w, kind=k, options=o) for n, (w, k, o) in enumerate(mounts, 30))


def test_a_machine_with_cgroup_v2_only() -> None:
    found = hierarchies(mounted(("", "cgroup2", "nsdelegate")), "0::/user.slice/session-1.scope\n")
    assert found == [Hierarchy(Path("/sys/fs/cgroup/user.slice/session-1.scope"), unified=True)]


def test_a_hybrid_machine_uses_the_hierarchies_that_systemd_uses() -> None:
    mounts = mounted(
        ("/memory", "cgroup", "memory"),
        ("/cpu,cpuacct", "cgroup", "cpu,cpuacct"),
        ("/cpuset", "cgroup", "cpuset"),
        ("/systemd", "cgroup", "xattr,name=systemd"),
        ("/unified", "cgroup2", "nsdelegate"),
    )
    membership = "9:name=systemd:/\n5:cpuset:/\n4:memory:/deep/in\n2:cpu,cpuacct:/\n0::/\n"
    assert {(str(h.own), h.unified) for h in hierarchies(mounts, membership)} == {
        ("/sys/fs/cgroup/unified", True),
        ("/sys/fs/cgroup/memory/deep/in", False),
        ("/sys/fs/cgroup/cpu,cpuacct", False),
        ("/sys/fs/cgroup/systemd", False),
    }
    assert hierarchies(mounts, membership)[0].unified


def test_a_machine_without_cgroup_v2_is_seen_as_such() -> None:
    found = hierarchies(mounted(("/memory", "cgroup", "memory")), "4:memory:/\n")
    assert not any(h.unified for h in found)


def test_a_mount_point_with_a_space_is_read_right() -> None:
    line = "30 25 0:30 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n"
    assert hierarchies(line, "0::/x\n") == [Hierarchy(Path("/mnt/my groups/x"), unified=True)]


def test_what_was_removed_already_is_empty_and_can_be_removed(tmp_path: Path) -> None:
    cgroups = Cgroups((tmp_path / "gone",))
    assert cgroups.empty()
    assert not cgroups.contains(1)
    cgroups.kill()
    cgroups.remove()
