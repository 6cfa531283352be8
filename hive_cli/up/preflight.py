"""What a machine must have before anything is made on it. Each check refuses with one sentence that says what to do."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from hive_base.idmap import can_idmap
from hive_base.process import SAFE_PATH
from hive_cli.up.cgroups import own_hierarchies
from hive_cli.up.errors import CannotError
from hive_cli.up.state import State

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "dbus-daemon": "dbus",
    "setsid": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mkfs.ext4": "e2fsprogs",
    "resize2fs": "e2fsprogs",
}
"""What a start calls, and the Debian package that brings it."""
NEEDED_BYTES = 512 * 1024 * 1024
"""For the databases, journals and transcripts of a first day; containers take next to nothing."""
NEEDED_INOTIFY_INSTANCES = 64
"""The host and each booted container use five."""


def check(state: State, port: int) -> None:
    """Everything that can be known before the start. Raises CannotError; changes nothing."""
    check_root(os.geteuid())
    check_programs(SAFE_PATH)
    check_interpreter(prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix))
    check_state(state)
    place = nearest_directory(state.root)
    check_kernel(place)
    check_inotify(int(Path("/proc/sys/fs/inotify/max_user_instances").read_text()))
    check_loops(Path("/dev/loop-control"))
    own_hierarchies()
    check_space(place, NEEDED_BYTES)
    check_port(port)


def check_root(uid: int) -> None:
    if uid != 0:
        raise CannotError("Only root can start or stop a hive.", hint="Run it again with sudo.")


def check_programs(path: str) -> None:
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if not Path("/usr/lib/systemd/systemd").exists():
        missing.append("systemd")
    if missing:
        packages = dict.fromkeys(PROGRAMS.get(program, program) for program in missing)
        raise CannotError(
            f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} not installed.",
            hint=f"Run `apt-get install {' '.join(packages)}`.",
        )


def check_interpreter(*, prefix: Path, base_prefix: Path) -> None:
    """Containers see the machine's /usr and the virtual environment, and nothing else."""
    if prefix == base_prefix:
        raise CannotError(
            "hive does not run from a virtual environment, so it cannot be bound into the hive host.",
            hint="Run `make .venv`, then `.venv/bin/hive up`.",
        )
    if not base_prefix.resolve().is_relative_to("/usr"):
        raise CannotError(
            f"The virtual environment {prefix} is made with the Python in {base_prefix}, which containers cannot see.",
            hint=f"Remove {prefix} and run `make .venv`, which takes /usr/bin/python3.",
        )


def check_state(state: State) -> None:
    existing = next(path for path in (state.root, *state.root.parents) if os.path.lexists(path))
    if not existing.is_dir():
        raise CannotError(f"{existing} is not a directory.", hint="Choose another state directory with --state.")
    if state.root.exists() and not (state.lock.exists() or not any(state.root.iterdir())):
        raise CannotError(
            f"{state.root} holds something else than a hive's state.",
            hint="Choose an empty or a new directory with --state.",
        )
    if state.root.exists():
        check_owner(state.root)


def check_owner(directory: Path) -> None:
    """Who owns it, or may write to it, could put links into it that root would follow."""
    found = directory.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise CannotError(
            f"{directory} belongs to somebody else, or others may write to it.",
            hint="Choose a new directory with --state, or make it root's and 0700.",
        )


def nearest_directory(path: Path) -> Path:
    """The path itself, or the nearest directory above it that exists."""
    return next(p for p in (path, *path.parents) if p.is_dir())


def check_kernel(place: Path) -> None:
    try:
        if can_idmap(place):
            return
    except OSError as error:
        raise CannotError(
            "This kernel makes no user namespaces, which keep agents from being root.",
            hint="Raise the sysctl user.max_user_namespaces, or boot a kernel with CONFIG_USER_NS.",
        ) from error
    raise CannotError(
        f"The file system of {place} cannot be id-mapped, which gives agents their own files.",
        hint="Put the state on ext4, xfs or btrfs with --state, on Linux 5.12 or newer.",
    )


def check_inotify(instances: int) -> None:
    if instances < NEEDED_INOTIFY_INSTANCES:
        raise CannotError(
            f"This machine allows {instances} inotify instances, too few for a hive.",
            hint="Run `sysctl -w fs.inotify.max_user_instances=1024`.",
        )


def check_loops(control: Path) -> None:
    if not control.exists():
        raise CannotError(
            "This machine has no loop devices, which agents' file systems are mounted with.",
            hint="Run `modprobe loop`.",
        )


def check_space(place: Path, needed: int) -> None:
    free = os.statvfs(place)
    megabytes = free.f_bavail * free.f_frsize // 2**20
    if megabytes < needed // 2**20:
        raise CannotError(
            f"The disk that holds {place} is full: {megabytes} MiB are free and {needed // 2**20} MiB are needed.",
            hint="Free some space, or choose another place with --state.",
        )
    # Some file systems have no fixed number of inodes and say 0 of 0.
    if free.f_files and free.f_favail < 1000:
        raise CannotError(
            f"The disk that holds {place} has no inodes left.",
            hint="Remove some files, or choose another place with --state.",
        )


def check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server does: a connection that lingers in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise CannotError(f"Port {port} is not allowed here.", hint="Choose another with --port.") from error
            raise CannotError(
                f"Port {port} on 127.0.0.1 is taken by another program.", hint="Choose another with --port."
            ) from error


def read_api_key(file: Path | None, environment_value: str | None) -> str | None:
    """The key from a file, else from the environment, else none. Never echoed, not even in an error."""
    if file is None:
        key = (environment_value or "").strip()
        source = "ANTHROPIC_API_KEY"
        if not key:
            return None
    else:
        source = str(file)
        try:
            key = file.read_text().strip()
        except UnicodeDecodeError as error:
            raise CannotError(f"{source} does not hold an API key.", hint="It must be one line of text.") from error
        except OSError as error:
            raise CannotError(
                f"The API key file {source} cannot be read: {error.strerror}.", hint="Correct --api-key-file."
            ) from error
        if not key:
            raise CannotError(f"The API key file {source} is empty.", hint="Put the key into it, on one line.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise CannotError(f"{source} does not hold an API key.", hint="It must be one line without spaces.")
    return key


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
