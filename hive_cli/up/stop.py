"""Stopping a hive, whatever state it is in."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from hive_cli.up.cgroups import Cgroups
from hive_cli.up.errors import CannotError
from hive_cli.up.launcher import STOP_LIMIT
from hive_cli.up.leftovers import sweep
from hive_cli.up.lock import HostLock
from hive_cli.up.state import State

_PATIENCE = STOP_LIMIT + 30
"""Seconds after which the launcher itself is taken to be stuck."""
_POLL = 0.05


async def stop(state: State, say: Callable[[str], None] = lambda text: None) -> bool:
    """Stop the hive and leave nothing of it but its state; False when nothing was there to stop.

    Units stop in order: agents finish their turns while core and the gateway still answer them.
    Raises CannotError when something cannot be ended.
    """
    if not state.root.is_dir():
        return False
    lock = HostLock(state.lock)
    was_running = await _ask_launcher(state, lock, say)
    try:
        if not lock.acquire():
            raise CannotError(f"Another command is starting or stopping the hive in {state.root}.", hint="Try again.")
    except FileNotFoundError:
        # A first start that was stopped while it booted takes its state directory with it.
        return was_running
    try:
        left_over = state.read_record() is not None
        await sweep(state)
    finally:
        lock.release()
    return was_running or left_over


async def _ask_launcher(state: State, lock: HostLock, say: Callable[[str], None]) -> bool:
    """Have the launcher stop its host, and wait until it has; False when there is none."""
    if lock.holder() is None:
        return False
    asked: int | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while (holder := lock.holder()) is not None:
                # The record says whether the holder is a launcher: another `hive down` must not be disturbed, and a
                # launcher that has not written it yet is not ready to be asked.
                record = state.read_record()
                if holder != asked and record is not None and record.launcher == holder and _terminate(holder, lock):
                    asked = holder
                    say("stopping; agents may finish the turn they are in")
                await asyncio.sleep(_POLL)
            return asked is not None
    await _force(state, lock)
    return True


def _terminate(launcher: int, lock: HostLock, number: int = signal.SIGTERM) -> bool:
    try:
        pidfd = os.pidfd_open(launcher)
    except ProcessLookupError:
        return False
    try:
        # Looked up again after the pidfd was opened: whoever holds the lock now is that very process.
        if lock.holder() != launcher:
            return False
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


async def _force(state: State, lock: HostLock) -> None:
    """The launcher did not end in time: end its host, and then the launcher, which has nothing to wait for any more."""
    if (record := state.read_record()) is not None:
        cgroups = Cgroups(record.cgroups)
        cgroups.kill()
        await cgroups.emptied(10)
        _terminate(record.launcher, lock, signal.SIGKILL)
    for _ in range(200):
        if lock.holder() is None:
            return
        await asyncio.sleep(_POLL)
