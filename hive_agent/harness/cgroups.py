"""The unit's own part of the cgroup tree: the harness in one branch, the model in another that can be killed whole.

The unit has `Delegate=yes`. `DelegateSubgroup=` would do the first step, but came with systemd 254.
"""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from hive_base.clock import Clock

ROOT = Path("/sys/fs/cgroup")
_LOOK_AGAIN_SECONDS = 0.002
_FREEZE_LOOKS = 250
"""Half a second: a process that cannot be frozen must not hold up a cancel."""


@dataclass(frozen=True)
class Cgroup:
    """A cgroup of version 2."""

    path: Path

    async def kill(self, clock: Clock) -> None:
        """Kill every process in it, whatever session or process group it put itself into, and wait until all are gone.

        Takes a few milliseconds; the kernel does not miss what forks meanwhile (cgroup.kill, since Linux 5.14).
        """
        (self.path / "cgroup.kill").write_text("1")
        while self.processes():
            await clock.sleep(_LOOK_AGAIN_SECONDS)

    async def kill_all_but(self, spared: int, clock: Clock) -> int:
        """Kill every process in it but one, and say how many. Frozen meanwhile, so that none of them forks away."""
        (self.path / "cgroup.freeze").write_text("1")
        try:
            for _ in range(_FREEZE_LOOKS):
                if "frozen 1" in (self.path / "cgroup.events").read_text():
                    break
                await clock.sleep(_LOOK_AGAIN_SECONDS)
            doomed = [pid for pid in self.processes() if pid != spared]
            for pid in doomed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        finally:
            (self.path / "cgroup.freeze").write_text("0")
        while set(doomed) & set(self.processes()):
            await clock.sleep(_LOOK_AGAIN_SECONDS)
        return len(doomed)

    def processes(self) -> list[int]:
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]


def prepare() -> Cgroup:
    """Move this process to `<unit>/harness`, make `<unit>/model` and return it."""
    own = own_path(Path("/proc/self/cgroup").read_text())
    unit = own.parent if own.name == "harness" else own
    for name in ("harness", "model"):
        (unit / name).mkdir(exist_ok=True)
    (unit / "harness" / "cgroup.procs").write_text(str(os.getpid()))
    return Cgroup(unit / "model")


def own_path(proc_cgroup: str) -> Path:
    """The path of the unified hierarchy (`0::` in proc_pid_cgroup(5))."""
    line = next(line for line in proc_cgroup.splitlines() if line.startswith("0::"))
    return ROOT / line.removeprefix("0::").lstrip("/")
