"""The stateless root: a file tree of a few kilobytes that boots with the machine's own `/usr` bound into it read-only.

The hive host in a container and every agent's container are filled with it. Whoever ran in the tree before may have
owned all of it, so nothing in it is trusted: `etc` is made anew at every build, every path is opened relative to its
parent without following a symlink, and only a well-formed machine id is taken over.
"""

import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hive_base.users import User

NOLOGIN = "/usr/sbin/nologin"
TARGET = "hive.target"
"""What the tree boots into; `Skeleton.wants` hang on it."""

_MODES: Mapping[str, int] = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
_DIRECTORIES = (
    *("usr", "run", "proc", "sys", "dev", "root", "tmp", "home", "srv", "opt"),
    *("var/lib", "var/log/journal", "var/tmp"),
)
_MERGED_USR = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}

_SYSTEM_USERS = (
    ("root", 0, "/root", "/bin/sh"),
    ("messagebus", 101, "/nonexistent", NOLOGIN),
    ("nobody", 65534, "/nonexistent", NOLOGIN),
)
_SYSTEM_GROUPS = {
    **{"root": 0, "adm": 4, "tty": 5, "disk": 6, "lp": 7, "kmem": 15, "dialout": 20, "cdrom": 24, "tape": 26},
    **{"audio": 29, "utmp": 43, "video": 44, "messagebus": 101, "kvm": 102, "render": 103, "input": 104, "sgx": 105},
    **{"systemd-journal": 106, "nogroup": 65534},
}

_MASKED = (
    # First-boot and update work that has nothing to do in a tree made anew at each start.
    *("systemd-firstboot.service", "systemd-sysusers.service", "systemd-update-done.service", "ldconfig.service"),
    *("systemd-hwdb-update.service", "systemd-journal-catalog-update.service", "systemd-machine-id-commit.service"),
    # Needs a device, a mount or a network that a container does not have, and would leave it degraded.
    *("dev-hugepages.mount", "sys-fs-fuse-connections.mount", "systemd-network-generator.service"),
    *("systemd-remount-fs.service", "console-getty.service", "systemd-update-utmp.service"),
    *("systemd-pcrphase.service", "systemd-pcrphase-sysinit.service"),
    # The kernel's variables are the machine's.
    "systemd-sysctl.service",
)
_GENERATORS = (Path("/usr/lib/systemd/system-generators"), Path("/usr/local/lib/systemd/system-generators"))
"""They make units of disks, consoles and kernel options (systemd.generator(7)), of which a container has none, and
for what else the machine has installed. Without them a container boots in two thirds of the time."""
_TARGET_TEXT = """\
[Unit]
Description=Everything this container is for
Requires=basic.target
After=basic.target
Wants=dbus.service {wants}
AllowIsolate=yes
"""


@dataclass(frozen=True)
class Account:
    """A user with a group of the same name and number. A `home` below `/home` or `/root` is made, and is the user's."""

    user: User
    home: str = "/nonexistent"
    shell: str = NOLOGIN


@dataclass(frozen=True)
class File:
    """A file in the tree, owned by root."""

    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Skeleton:
    """What goes into a stateless root, besides what every one needs."""

    hostname: str
    accounts: Sequence[Account] = ()
    groups: Sequence[User] = ()
    """Groups without a user of the same name."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit files for `/etc/systemd/system`, by name; `x.service.d/y.conf` is a drop-in."""
    wants: Sequence[str] = ()
    """Units that are started at boot."""
    masks: Sequence[str] = ()
    """Units that must not start, besides those that make no sense in such a root."""
    files: Mapping[str, File] = field(default_factory=dict)
    """Other files below `/etc`, by path relative to the root (`etc/hive/core.toml`)."""
    directories: Sequence[str] = ()
    """Directories besides the usual, by path relative to the root; root's, 0755."""
    symlinks: Mapping[str, str] = field(default_factory=dict)
    """Symlinks below `/etc`, from a path relative to the root to what it says."""

    def build(self, root: Path) -> None:
        """Make or renew the tree at `root`, which must not be in use.

        Keeps the machine id and everything outside `etc`. Raises OSError when the file system refuses.
        """
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with _opened(root) as top:
            os.fchmod(top, 0o755)
            machine_id = _machine_id(top) or uuid.uuid4().hex
            for name, target in _MERGED_USR.items():
                _remove(top, name)
                os.symlink(target, name, dir_fd=top)
            _remove(top, "etc")
            for path in (*_DIRECTORIES, *self.directories):
                _make_directory(top, path)
            for path, mode in _MODES.items():
                with _directory(top, path) as fd:
                    os.fchmod(fd, mode)
            for account in self.accounts:
                self._make_home(top, account)
            for path, file in self._etc(machine_id).items():
                _write(top, path, file.text.encode(), file.mode)
            with Path("/etc/ld.so.cache").open("rb") as cache:
                # Without it every program would search the default directories only, which misses alternatives.
                _write(top, "etc/ld.so.cache", cache.read(), 0o644)
            for path, target in self._etc_symlinks().items():
                _symlink(top, path, target)

    @staticmethod
    def _make_home(top: int, account: Account) -> None:
        home = PurePosixPath(account.home)
        if home.parts[:2] == ("/", "home"):
            with _directory(top, str(home.relative_to("/")), make=True) as fd:
                os.fchmod(fd, 0o700)
                os.fchown(fd, account.user.uid, account.user.uid)

    def _etc(self, machine_id: str) -> dict[str, File]:
        passwd = [_passwd_line(*entry) for entry in _SYSTEM_USERS]
        passwd += [_passwd_line(a.user.name, a.user.uid, a.home, a.shell) for a in self.accounts]
        groups = {**_SYSTEM_GROUPS, **{u.name: u.uid for u in (*[a.user for a in self.accounts], *self.groups)}}
        return {
            "etc/machine-id": File(machine_id + "\n", 0o444),
            "etc/hostname": File(self.hostname + "\n"),
            "etc/hosts": File(f"127.0.0.1 localhost {self.hostname}\n::1 localhost\n"),
            "etc/os-release": File(Path("/usr/lib/os-release").read_text()),
            "etc/passwd": File("".join(passwd)),
            "etc/group": File("".join(f"{name}:*:{gid}:\n" for name, gid in groups.items())),
            "etc/nsswitch.conf": File("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
            f"etc/systemd/system/{TARGET}": File(_TARGET_TEXT.format(wants=" ".join(self.wants))),
            **{f"etc/systemd/system/{name}": File(text) for name, text in self.units.items()},
            **self.files,
        }

    def _etc_symlinks(self) -> dict[str, str]:
        masks = {f"etc/systemd/system/{name}": "/dev/null" for name in (*_MASKED, *self.masks)}
        generators = {f"etc/systemd/system-generators/{name}": "/dev/null" for name in _machines_generators()}
        return {"etc/systemd/system/default.target": TARGET, **masks, **generators, **self.symlinks}


def _machines_generators() -> set[str]:
    return {generator.name for place in _GENERATORS if place.is_dir() for generator in place.iterdir()}


def _passwd_line(name: str, uid: int, home: str, shell: str) -> str:
    gid = _SYSTEM_GROUPS.get(name, uid)
    return f"{name}:*:{uid}:{gid}::{home}:{shell}\n"


@contextmanager
def _opened(path: Path | str, parent: int | None = None) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def _parts(path: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise ValueError(f"{path!r} is not a path inside the tree")
    return parts


@contextmanager
def _directory(top: int, path: str, *, make: bool = False) -> Iterator[int]:
    """The directory at `path`, reached step by step; with `make`, what is missing or is no directory is replaced."""
    current = os.dup(top)
    try:
        for part in _parts(path):
            if make:
                _ensure_directory(current, part)
            with _opened(part, current) as fd:
                os.dup2(fd, current, inheritable=False)
        yield current
    finally:
        os.close(current)


def _ensure_directory(parent: int, name: str) -> None:
    kind = _kind(parent, name)
    if kind is not None and not stat.S_ISDIR(kind):
        os.unlink(name, dir_fd=parent)
        kind = None
    if kind is None:
        os.mkdir(name, dir_fd=parent)
        with _opened(name, parent) as fd:
            os.fchmod(fd, 0o755)


def _kind(parent: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def _make_directory(top: int, path: str) -> None:
    with _directory(top, path, make=True):
        pass


def _remove(parent: int, name: str) -> None:
    kind = _kind(parent, name)
    if kind is None:
        return
    if stat.S_ISDIR(kind):
        shutil.rmtree(name, dir_fd=parent)
    else:
        os.unlink(name, dir_fd=parent)


def _write(top: int, path: str, data: bytes, mode: int) -> None:
    *parents, name = _parts(path)
    with _directory(top, "/".join(parents), make=True) as parent:
        _remove(parent, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=parent), "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)


def _symlink(top: int, path: str, target: str) -> None:
    *parents, name = _parts(path)
    with _directory(top, "/".join(parents), make=True) as parent:
        _remove(parent, name)
        os.symlink(target, name, dir_fd=parent)


def _machine_id(top: int) -> str | None:
    """The tree's machine id, so that its journal goes on where it was; None when there is none that is well-formed."""
    try:
        with _opened("etc", top) as etc:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open("machine-id", flags, dir_fd=etc), "rb") as file:
                found = file.read(64)
    except OSError:
        return None
    return found.decode().strip() if re.fullmatch(rb"[0-9a-f]{32}\n?", found) else None
