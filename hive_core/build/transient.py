"""A transient unit of systemd for each errand (systemd-run(1), systemd.exec(5))."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from hive_base.ids import new_id
from hive_base.process import Completed, ProcessError, run
from hive_base.users import BUILD
from hive_core.build.sandbox import Errand
from hive_core.systemd.transient import confined
from hive_rpc.errors import StorageError

_TASKS = 64
AT_ONCE = 8
"""Errands that are short. Whoever may look at the hive has one run for each difference that is shown."""
_SHORT = 120.0
"""Seconds; a build takes hours, and jobs see to how many there are."""
_LARGEST_FILE = 64 * 1024 * 1024
_LARGEST_DOWNLOAD = 2 * 1024 * 1024 * 1024
"""Nix keeps what it has fetched of nixpkgs in one file."""
_START = 20.0
"""Seconds that the unit may take to be set up, on top of the errand's own time."""
_NOTHING_ELSE = (
    f"User={BUILD.name}",
    f"Group={BUILD.name}",
    "PrivateIPC=yes",
    "ProtectHome=tmpfs",
    # All of the state, every socket and every secret of the machine is gone; what the errand sees is bound back.
    "TemporaryFileSystem=/var:ro /run:ro /etc:ro /srv:ro /mnt:ro /media:ro",
    "BindReadOnlyPaths=-/etc/ld.so.cache -/etc/passwd -/etc/group -/etc/nsswitch.conf -/etc/alternatives",
    "BindReadOnlyPaths=-/run/current-system",
    "InaccessiblePaths=-/hive-state",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "MemoryDenyWriteExecute=yes",
    "KeyringMode=private",
    "SystemCallFilter=@system-service",
    # With CAP_DAC_READ_SEARCH a file handle would open any file of the file system, whatever is mounted where.
    "SystemCallFilter=~@privileged @resources open_by_handle_at name_to_handle_at",
    "SystemCallErrorNumber=EPERM",
    "MemorySwapMax=0",
    f"TasksMax={_TASKS}",
    # A recursion without end is told as one before the stack is at its end.
    "LimitSTACK=64M",
    "OOMPolicy=kill",
    "Nice=5",
)
_NETWORK = (
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "BindReadOnlyPaths=-/etc/resolv.conf -/etc/hosts -/etc/ssl -/etc/static -/run/nscd -/run/systemd/resolve",
)
_NO_NETWORK = ("PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX")
_NIX = (
    "TemporaryFileSystem=/nix/var:ro",
    # Where Hive's own modules are (`hive_core.meta.flake.Sources`).
    "BindReadOnlyPaths=-/nix/var/nix/daemon-socket -/etc/hive/flake",
)
_NO_NIX = ("InaccessiblePaths=-/nix/var",)


class TransientUnits:
    """The sandbox where systemd is PID 1."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def run(self, errand: Errand) -> Completed:
        if errand.time_limit > _SHORT:
            return await self._run(errand)
        async with self._free:
            return await self._run(errand)

    async def _run(self, errand: Errand) -> Completed:
        unit = f"hive-build-{new_id('run')}.service"
        try:
            return await run(
                command(errand, unit),
                stdin=errand.stdin,
                time_limit=errand.time_limit + _START,
                output_limit=errand.output_limit,
                heard=errand.heard,
                check=False,
            )
        except ProcessError as error:
            await _stop(unit)
            raise StorageError(
                f"An errand of {BUILD.name} failed: {error}.", hint="Look at `systemctl status` and at core's log."
            ) from error
        except asyncio.CancelledError:
            # Whoever waits for the unit has gone, and it would go on.
            await asyncio.shield(_stop(unit))
            raise


def command(errand: Errand, unit: str = "") -> list[str | Path]:
    options = [f"--unit={unit}"] if unit else []
    return [*confined((*_NOTHING_ELSE, *_reach(errand)), _environment(errand), *options), *errand.arguments]


async def _stop(unit: str) -> None:
    try:
        await run(["systemctl", "--quiet", "stop", unit], check=False)
    except ProcessError as error:
        raise StorageError(f"{unit} cannot be stopped: {error}.") from error


def _environment(errand: Errand) -> dict[str, str]:
    # Without it Nix would look whether it may open the store itself.
    return {"NIX_REMOTE": "daemon"} if errand.nix else {}


def _reach(errand: Errand) -> Iterator[str]:
    # What an agent made may be closed to everybody else; what may be seen is decided by the mounts above.
    capability = "CAP_DAC_READ_SEARCH" if errand.sees else ""
    yield f"CapabilityBoundingSet={capability}"
    yield f"AmbientCapabilities={capability}"
    yield f"RuntimeMaxSec={errand.time_limit:g}"
    # Nix that evaluates does not always hear that it is to end.
    yield "TimeoutStopSec=5"
    yield f"MemoryMax={errand.memory}"
    # For each process, and where the controller for memory is out of systemd's reach.
    yield f"LimitDATA={errand.memory}"
    yield f"LimitFSIZE={_LARGEST_DOWNLOAD if errand.network else _LARGEST_FILE}"
    yield from _NETWORK if errand.network else _NO_NETWORK
    yield from _NIX if errand.nix else _NO_NIX
    for path in (*errand.sees, *errand.reads):
        yield f"BindReadOnlyPaths={path}"
    for path in errand.changes:
        yield f"BindPaths={path}"
