"""Ending what is left of a hive host: after a clean stop a few empty directories, after a crash a whole container.

Killing nspawn does not end its container, and killing the launcher does not end nspawn at once. What belongs to the
host is therefore known by its cgroup, never by a pid alone.
"""

import logging
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from hive_cli.up.cgroups import Cgroups
from hive_cli.up.errors import CannotError
from hive_cli.up.state import HostRecord, State

NSPAWN_RUNTIME = Path("/run/systemd/nspawn")
ORDERLY_LIMIT = 45.0
"""Seconds for the units of an abandoned host to stop by themselves."""
_KILL_LIMIT = 10.0
# systemd(1): SIGRTMIN+4 to PID 1 powers the machine off.
_POWER_OFF = signal.SIGRTMIN + 4

log = logging.getLogger(__name__)


async def sweep(state: State, *, orderly_limit: float = ORDERLY_LIMIT) -> None:
    """End every process of the host, then remove what it left. The caller holds the lock. Does nothing twice.

    Raises CannotError when something stays that even SIGKILL does not end.
    """
    record = state.read_record()
    if record is not None:
        await _end(record, orderly_limit)
        _remove_nspawn_traces(state, record.machine)
    _empty(state.run)
    for path in (state.notify_socket, state.record):
        path.unlink(missing_ok=True)


async def _end(record: HostRecord, orderly_limit: float) -> None:
    cgroups = Cgroups(record.cgroups)
    if record.leader is not None and _power_off(record.leader, cgroups):
        log.warning("an earlier start left the hive host running; stopping it")
        await cgroups.emptied(orderly_limit)
    cgroups.kill()
    if not await cgroups.emptied(_KILL_LIMIT):
        raise CannotError(
            f"Processes of the hive host {record.machine} do not end.",
            hint=f"Look at {record.cgroups[0]}/cgroup.procs: a process in state D waits for its disk.",
        )
    cgroups.remove()


def _power_off(leader: int, cgroups: Cgroups) -> bool:
    """Ask the host's PID 1 to stop; False when it is gone, or when its pid is somebody else's now."""
    try:
        pidfd = os.pidfd_open(leader)
    except ProcessLookupError:
        return False
    try:
        # Looked up after the pidfd was opened: from here on the pid cannot be given to another process.
        if not cgroups.contains(leader):
            return False
        signal.pidfd_send_signal(pidfd, _POWER_OFF)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def _remove_nspawn_traces(state: State, machine: str) -> None:
    """What nspawn removes when it ends by itself."""
    shutil.rmtree(NSPAWN_RUNTIME / "propagate" / machine, ignore_errors=True)
    (state.root / f".#{state.host.name}.lck").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        root = state.host.stat()
        (NSPAWN_RUNTIME / "locks" / f"inode-{root.st_dev}:{root.st_ino}").unlink()


def _empty(directory: Path) -> None:
    """Sockets nobody listens on any more; the directory itself stays."""
    with suppress(FileNotFoundError):
        for entry in directory.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
