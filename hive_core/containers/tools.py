"""The machine's own programs for NixOS containers. They have to do what core may not, so each call has a unit of its
own, as a transient one (systemd-run(1)).

What they are told is a machine's name, a path in the store or a unit of ours: nothing that an agent has written. They
meet what a container has left, though: its root when that is deleted, its D-Bus when something is run in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hive_base.process import Completed, ProcessError, run
from hive_core.systemd.transient import QUIETLY, confined
from hive_rpc.errors import AgentFailedError, StorageError

OUTPUT_LIMIT = 1024 * 1024
_START = 20.0
"""Seconds that a unit may take to be set up, on top of its own time."""
_LINES = 12
_DAEMON = Path("/nix/var/nix/daemon-socket/socket")
_ALONE = (
    "PrivateNetwork=yes",
    "RestrictAddressFamilies=AF_UNIX",
    "ProtectHome=yes",
    "InaccessiblePaths=-/hive-state -/var/lib/hive -/var/lib/hive-gateway -/run/hive -/run/host/credentials",
)
_DISK = (
    # Files of containers have any owner and mode, and NixOS makes one immutable.
    "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_LINUX_IMMUTABLE",
    "RestrictNamespaces=yes",
    "ReadWritePaths=/var/lib/nixos-containers /etc/nixos-containers /nix -/run/lock",
)
_INSIDE = (
    # What it takes to enter the namespaces of a container for its D-Bus (sd_bus_open_system_machine(3)).
    "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_SYS_CHROOT CAP_SETUID CAP_SETGID CAP_DAC_OVERRIDE",
)


class Tools(Protocol):
    async def on_disk(self, arguments: Sequence[str | Path], *, time_limit: float) -> None:
        """Run a program that changes containers' roots, settings and profiles. Raises StorageError."""

    async def inside(self, machine: str, arguments: Sequence[str | Path], *, time_limit: float) -> None:
        """Run a program as a unit in a container, as root there. Raises AgentFailedError with its last lines."""

    async def restart(self, machine: str, unit: str, *, time_limit: float) -> None:
        """Restart a unit in a container, and wait until it is up. Raises as `inside` does."""


@dataclass(frozen=True)
class TransientTools:
    """The tools where systemd is PID 1."""

    daemon: Path = _DAEMON

    async def on_disk(self, arguments: Sequence[str | Path], *, time_limit: float) -> None:
        # Root would open the store itself, which is read-only for everybody but the daemon.
        remote = {"NIX_REMOTE": "daemon"} if self.daemon.exists() else {}
        done = await self._run([*_unit(_DISK, time_limit, **remote), *arguments], time_limit)
        if done.exit_code != 0:
            raise StorageError(f"{' '.join(map(str, arguments))} failed: {_last_lines(done) or _ended(done)}")

    async def inside(self, machine: str, arguments: Sequence[str | Path], *, time_limit: float) -> None:
        unit = ["systemd-run", f"--machine={machine}", *QUIETLY, f"--property=RuntimeMaxSec={time_limit:g}"]
        await self._enter(machine, [*unit, "--", *arguments], Path(arguments[0]).name, time_limit)

    async def restart(self, machine: str, unit: str, *, time_limit: float) -> None:
        await self._enter(
            machine, ["systemctl", f"--machine={machine}", "restart", unit], f"A restart of {unit}", time_limit
        )

    async def _enter(self, machine: str, words: Sequence[str | Path], what: str, time_limit: float) -> None:
        time_limit += _START
        done = await self._run([*_unit(_INSIDE, time_limit), *words], time_limit)
        if done.exit_code != 0:
            raise AgentFailedError(f"{what} failed in {machine}: {_last_lines(done) or _ended(done)}")

    @staticmethod
    async def _run(words: Sequence[str | Path], time_limit: float) -> Completed:
        try:
            return await run(words, time_limit=time_limit + _START, output_limit=OUTPUT_LIMIT, check=False)
        except ProcessError as error:
            raise StorageError(f"A unit of the machine's could not be run: {error}.") from error


def _unit(properties: Sequence[str], time_limit: float, **environment: str) -> list[str | Path]:
    return confined((*_ALONE, *properties, f"RuntimeMaxSec={time_limit:g}"), environment)


def _last_lines(done: Completed) -> str:
    return "\n".join((done.stderr or done.stdout).strip().splitlines()[-_LINES:])


def _ended(done: Completed) -> str:
    return f"exit code {done.exit_code}, or its time was over."
