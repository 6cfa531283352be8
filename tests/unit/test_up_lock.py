"""Whether a hive runs is known from a lock, and the lock from the kernel."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive_cli.up.lock import HostLock

HOLD = """
import sys
from pathlib import Path
from hive_cli.up.lock import HostLock
lock = HostLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


class Holder:
    """Another process that took the lock, or tried to."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self.got_it = self._process.stdout.readline().strip() == "True"
        self.pid = self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator[Holder]:
    holder = Holder(path)
    yield holder
    holder.kill()


def test_nobody_holds_a_lock_that_was_never_taken(path: Path) -> None:
    assert HostLock(path).holder() is None
    path.touch()
    assert HostLock(path).holder() is None


def test_the_holder_is_known_by_its_pid(path: Path, holder: Holder) -> None:
    assert holder.got_it
    assert HostLock(path).holder() == holder.pid


def test_a_second_one_does_not_get_it(path: Path, holder: Holder) -> None:
    assert not HostLock(path).acquire()
    assert HostLock(path).holder() == holder.pid


def test_a_killed_holder_holds_it_no_more(path: Path, holder: Holder) -> None:
    holder.kill()
    assert HostLock(path).holder() is None
    mine = HostLock(path)
    assert mine.acquire()
    mine.release()


def test_what_was_released_can_be_taken(path: Path) -> None:
    lock = HostLock(path)
    assert lock.acquire()
    lock.release()
    other = Holder(path)
    assert other.got_it
    other.kill()
