"""A transient unit of systemd for each errand (systemd-run(1), systemd.exec(5))."""

from collections.abc import Iterator
from pathlib import Path

from hive_base.process import BASE_ENVIRONMENT, Completed, ProcessError, run
from hive_base.users import BUILD
from hive_core.build.sandbox import Errand
from hive_rpc.errors import StorageError

MEMORY = 512 * 1024 * 1024
_TASKS = 64
_LARGEST_FILE = 64 * 1024 * 1024
_START = 20.0
"""Seconds that the unit may take to be set up, on top of the errand's own time."""
_NOTHING_ELSE = (
    f"User={BUILD.name}",
    f"Group={BUILD.name}",
    "NoNewPrivileges=yes",
    "PrivateNetwork=yes",
    "RestrictAddressFamilies=AF_UNIX",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateIPC=yes",
    "ProtectSystem=strict",
    "ProtectHome=tmpfs",
    # All of the state, every socket and every secret of the machine is gone; what the errand sees is bound back.
    "TemporaryFileSystem=/var:ro /run:ro /etc:ro /srv:ro /mnt:ro /media:ro",
    "BindReadOnlyPaths=-/etc/ld.so.cache -/etc/passwd -/etc/group -/etc/nsswitch.conf -/etc/alternatives",
    "BindReadOnlyPaths=-/run/current-system",
    "InaccessiblePaths=-/hive-state -/nix/var",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "KeyringMode=private",
    "UMask=0022",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    # With CAP_DAC_READ_SEARCH a file handle would open any file of the file system, whatever is mounted where.
    "SystemCallFilter=~@privileged @resources open_by_handle_at name_to_handle_at",
    "SystemCallErrorNumber=EPERM",
    f"MemoryMax={MEMORY}",
    "MemorySwapMax=0",
    f"TasksMax={_TASKS}",
    f"LimitFSIZE={_LARGEST_FILE}",
    "LimitCORE=0",
    "OOMPolicy=kill",
    "Nice=5",
)


class TransientUnits:
    """The sandbox where systemd is PID 1."""

    async def run(self, errand: Errand) -> Completed:
        try:
            return await run(
                command(errand),
                stdin=errand.stdin,
                time_limit=errand.time_limit + _START,
                output_limit=errand.output_limit,
                check=False,
            )
        except ProcessError as error:
            raise StorageError(
                f"An errand of {BUILD.name} failed: {error}.", hint="Look at `systemctl status` and at core's log."
            ) from error


def command(errand: Errand) -> list[str | Path]:
    words: list[str | Path] = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
    words += [f"--property={line}" for line in (*_NOTHING_ELSE, *_reach(errand))]
    words += [f"--setenv={name}={value}" for name, value in BASE_ENVIRONMENT.items()]
    return [*words, "--", *errand.arguments]


def _reach(errand: Errand) -> Iterator[str]:
    # What an agent made may be closed to everybody else; what may be seen is decided by the mounts above.
    capability = "CAP_DAC_READ_SEARCH" if errand.sees else ""
    yield f"CapabilityBoundingSet={capability}"
    yield f"AmbientCapabilities={capability}"
    yield f"RuntimeMaxSec={errand.time_limit:g}"
    for path in errand.sees:
        yield f"BindReadOnlyPaths={path}"
    for path in errand.changes:
        yield f"BindPaths={path}"
