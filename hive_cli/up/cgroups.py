"""The hive host's own cgroup in every hierarchy: how it is kept apart, and how it is ended to the last process.

nspawn with `--keep-unit` makes `payload/` and `supervisor/` in the cgroup of its caller, so two that are started from
one cgroup would destroy each other's tree.
"""

import asyncio
import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hive_cli.up.errors import CannotError

V1_CONTROLLERS = frozenset({"name=systemd", "memory", "cpu", "cpuacct", "pids"})
"""Of the v1 hierarchies those that systemd and nspawn use; a fresh cgroup in cpuset would accept no process."""
_ENABLED = ("cpu", "memory", "pids", "io")


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup tree and where in it this process is."""

    own: Path
    unified: bool


def hierarchies(mountinfo: str, membership: str) -> list[Hierarchy]:
    """From the texts of `/proc/self/mountinfo` and `/proc/self/cgroup` (cgroups(7)); the unified one comes first."""
    paths: dict[str, str] = {}
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    found: dict[Path, Hierarchy] = {}
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        mount = Path(fields.split(" ")[4].replace("\\040", " "))
        if kind == "cgroup2":
            found[mount] = Hierarchy(mount / paths.get("", "/").lstrip("/"), unified=True)
        elif kind == "cgroup" and (used := V1_CONTROLLERS.intersection(options.split(","))):
            path = next((paths[c] for c in sorted(used) if c in paths), "/")
            found[mount] = Hierarchy(mount / path.lstrip("/"), unified=False)
    return sorted(found.values(), key=lambda h: not h.unified)


def own_hierarchies() -> list[Hierarchy]:
    """Raises CannotError where there is no unified hierarchy, without which a container cannot be ended for certain."""
    found = hierarchies(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
    if not any(h.unified for h in found):
        raise CannotError(
            "This machine has no cgroup v2 hierarchy.",
            hint="Boot it without systemd.unified_cgroup_hierarchy=0, or mount cgroup2 on /sys/fs/cgroup/unified.",
        )
    return found


@dataclass(frozen=True)
class Cgroups:
    """One cgroup, as the directory it has in each hierarchy; the unified one is among them."""

    directories: Sequence[Path]

    @classmethod
    def planned(cls, name: str, trees: Sequence[Hierarchy]) -> "Cgroups":
        return cls(tuple(tree.own / name for tree in trees))

    def create(self) -> None:
        for directory in self.directories:
            directory.mkdir(exist_ok=True)

    def enter(self) -> None:
        """Move this process in. Called between fork and exec."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(str(os.getpid()))

    def contains(self, pid: int) -> bool:
        """Whether that process is in here, or in a cgroup below."""
        return any(pid in _processes(directory) for directory in self.directories)

    def empty(self) -> bool:
        return not any(_processes(directory) for directory in self.directories)

    def kill(self) -> None:
        """SIGKILL to every process, at once and without a race with forks."""
        for directory in self.directories:
            with _unless_gone():
                # Only the unified hierarchy has the file (Linux 5.14).
                if (switch := directory / "cgroup.kill").exists():
                    switch.write_text("1")

    async def emptied(self, time_limit: float) -> bool:
        """Wait until no process is left; False when the time is over before."""
        end = time.monotonic() + time_limit
        # Only the unified hierarchy would tell by itself.
        while not (empty := self.empty()) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return empty

    def remove(self) -> None:
        """Remove the directories, which must be empty of processes."""
        for top in self.directories:
            for directory, _, _ in os.walk(top, topdown=False):
                with _unless_gone():
                    Path(directory).rmdir()


def delegate(tree: Hierarchy, leaf: str) -> None:
    """Let limits take effect below a unified cgroup that holds only this process: controllers can be enabled for
    children only where no process is, so this one moves into a leaf first.

    Does nothing where there is no controller to enable, as on a machine whose controllers are all v1.
    """
    wanted = [c for c in (tree.own / "cgroup.controllers").read_text().split() if c in _ENABLED]
    if not wanted:
        return
    (tree.own / leaf).mkdir(exist_ok=True)
    (tree.own / leaf / "cgroup.procs").write_text(str(os.getpid()))
    (tree.own / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in wanted))


@contextmanager
def _unless_gone() -> Iterator[None]:
    """A cgroup may be removed at any moment; its files that were opened before are then a device that is not there."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise


def _processes(top: Path) -> set[int]:
    found: set[int] = set()
    for directory, _, _ in os.walk(top):
        with _unless_gone():
            found.update(int(pid) for pid in Path(directory, "cgroup.procs").read_text().split())
    return found
