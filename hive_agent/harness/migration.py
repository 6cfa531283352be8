"""What an older layout left where the model can write: moved out of it at the first start, copied, then unlinked.

In that layout the harness's files lay in the agent's own `state/`, and some agents had a bare `/state` instead of
`/agents/<name>/state`. No runner is there yet when this runs, so nothing changes underneath; still, no link is
followed: the model could have laid them.
"""

import logging
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from hive_agent.harness.older_layout import BARE_STATE, DONE, HARNESS_FILES
from hive_agent.harness.surroundings import Home

log = logging.getLogger(__name__)

_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
_MOVING = ".moved-from-older-layout"
"""Where an entry is copied to before it gets its name: a copy that was cut off is never taken for the whole."""


def migrate(home: Home, *, bare: Path = BARE_STATE, uid: int | None = None) -> None:
    """Move what is left of the older layout; `uid` is the model's user. What fails is tried again at the next start."""
    moved = _move_harness_files(home.state, home.harness)
    if bare.is_dir() and not bare.is_symlink() and not _same(bare, home.state):
        moved += _move_harness_files(bare, home.harness)
        moved += _move_the_rest(bare, home.state, uid)
    for what in moved:
        log.info("Moved from the older layout: %s", what)
    (home.harness / DONE).touch(mode=0o600)


def _move_harness_files(source: Path, harness: Path) -> list[str]:
    moved = []
    names = [name + end for name in HARNESS_FILES for end in ("", *_BESIDE_SQLITE)]
    for name in names:
        if _move_file(source / name, harness / name):
            moved.append(f"{source / name} to {harness / name}")
    return moved


def _move_file(source: Path, target: Path) -> bool:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s is left where it is: %s", source, error)
        return False
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        log.warning("%s is left where it is: it is no regular file", source)
        return False
    with os.fdopen(descriptor, "rb") as file:
        if not target.exists():
            new = target.with_name(f"{target.name}.new")
            with new.open("wb") as copy:
                os.fchmod(copy.fileno(), 0o600)
                shutil.copyfileobj(file, copy)
                copy.flush()
                os.fsync(copy.fileno())
            new.replace(target)
    source.unlink()
    return True


def _move_the_rest(bare: Path, state: Path, uid: int | None) -> list[str]:
    """Each entry whole, and only where there is none of its name: what lies in `state` already is the newer one."""
    moved = []
    new = state / _MOVING
    for entry in sorted(bare.iterdir()):
        if os.path.lexists(new):
            _remove(new)
        target = state / entry.name
        if os.path.lexists(target) or not _copyable(entry):
            log.warning("%s is left where it is: it has no place in %s", entry, state)
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, new, symlinks=True, ignore=_uncopyable)
        else:
            shutil.copy2(entry, new, follow_symlinks=False)
        _give(new, uid)
        new.rename(target)
        _remove(entry)
        moved.append(f"{entry} to {target}")
    return moved


def _copyable(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _uncopyable(directory: str, names: Sequence[str]) -> set[str]:
    return {name for name in names if not _copyable(Path(directory) / name)}


def _give(path: Path, uid: int | None) -> None:
    if uid is None:
        return
    os.chown(path, uid, uid, follow_symlinks=False)
    if path.is_dir() and not path.is_symlink():
        for below in path.iterdir():
            _give(below, uid)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
