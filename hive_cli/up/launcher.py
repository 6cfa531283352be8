"""The process that stays: it boots the hive host, keeps its lock, and cleans up when the host has ended for any reason.

Started by `hive up` as `python3 -m hive_cli.up.launcher`, in a session of its own. SIGTERM stops the host.
"""

import asyncio
import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

from hive_base.log import setup
from hive_base.process import BASE_ENVIRONMENT
from hive_cli.up.cgroups import Cgroups, delegate, own_hierarchies
from hive_cli.up.errors import CannotError
from hive_cli.up.host import HostConfig, make_directories, nspawn_arguments, skeleton
from hive_cli.up.leftovers import sweep
from hive_cli.up.lock import HostLock
from hive_cli.up.notify import Notice, listening
from hive_cli.up.preflight import check_owner
from hive_cli.up.protocol import LaunchRequest, Report, ReportKind
from hive_cli.up.state import HostRecord, State

BOOT_LIMIT = 60.0
STOP_LIMIT = 100.0
"""Seconds for the host to stop by itself: longer than the longest TimeoutStopSec of its units."""

log = logging.getLogger("hive.launcher")


class Happening(Enum):
    READY = auto()
    STOP_ASKED = auto()
    ENDED = auto()


class Launcher:
    """One run of one hive host. The caller holds the lock."""

    def __init__(self, state: State, request: LaunchRequest) -> None:
        self._state = state
        self._request = request
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self._record: HostRecord | None = None
        self.booted = False

    def stop(self) -> None:
        self._happenings.put_nowait(Happening.STOP_ASKED)

    async def run(self, report: "Reporter") -> None:
        """From whatever an earlier run left to a host that has ended, with nothing left of it.

        Raises CannotError or OSError when it does not boot.
        """
        await sweep(self._state)
        try:
            cgroups = self._prepare()
            with listening(self._state.notify_socket, self._heard):
                nspawn = await self._start(cgroups)
                try:
                    await self._until_ready(nspawn)
                    self.booted = True
                    log.info("the hive host %s has booted", self._state.machine)
                    report.send(Report(kind=ReportKind.READY))
                    await self._until_asked_or_ended()
                finally:
                    await self._end(nspawn, cgroups)
        finally:
            await sweep(self._state)

    def _prepare(self) -> Cgroups:
        config = HostConfig(port=self._request.port, model_base_url=self._request.model_base_url)
        make_directories(self._state)
        skeleton(config).build(self._state.host)
        trees = own_hierarchies()
        if trees[0].own.name == self._state.scope:
            delegate(trees[0], "launcher")
        cgroups = Cgroups.planned(self._state.machine, trees)
        self._record = HostRecord(
            machine=self._state.machine,
            launcher=os.getpid(),
            port=self._request.port,
            cgroups=tuple(cgroups.directories),
        )
        # Written before anything is made, so that whoever finds this run dead knows what to look for.
        self._state.write_record(self._record)
        cgroups.create()
        return cgroups

    async def _start(self, cgroups: Cgroups) -> asyncio.SubprocessTransport:
        key_fd = self._api_key_fd()
        try:
            transport, _ = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Ending(self._ended),
                # Without its launcher nobody would read the notify socket or clean up: nspawn stops the host then.
                *("/usr/bin/setpriv", "--pdeathsig", "TERM", "--"),
                *nspawn_arguments(self._state, api_key_fd=key_fd),
                stdin=subprocess.DEVNULL,
                stdout=2,
                stderr=2,
                env={
                    **BASE_ENVIRONMENT,
                    "NOTIFY_SOCKET": str(self._state.notify_socket),
                    # The host's systemd gets a cgroup v2 tree, in which a killed container is reaped for certain.
                    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                },
                pass_fds=[] if key_fd is None else [key_fd],
                preexec_fn=cgroups.enter,
                start_new_session=True,
            )
        finally:
            if key_fd is not None:
                os.close(key_fd)
        return transport

    def _api_key_fd(self) -> int | None:
        """The key in memory that has no name; nspawn copies it into the host's credentials."""
        if self._request.api_key is None:
            return None
        fd = os.memfd_create("credential", os.MFD_CLOEXEC)
        os.write(fd, self._request.api_key.get_secret_value().encode())
        return fd

    def _heard(self, notice: Notice) -> None:
        if notice.leader is not None and self._record is not None:
            self._record = self._record.model_copy(update={"leader": notice.leader})
            self._state.write_record(self._record)
        if notice.ready:
            self._happenings.put_nowait(Happening.READY)

    def _ended(self) -> None:
        self._happenings.put_nowait(Happening.ENDED)

    async def _until_ready(self, nspawn: asyncio.SubprocessTransport) -> None:
        try:
            async with asyncio.timeout(BOOT_LIMIT):
                happening = await self._happenings.get()
        except TimeoutError:
            raise CannotError(
                f"The hive host did not boot within {BOOT_LIMIT:g} s.", log=self._state.log_tail()
            ) from None
        if happening is Happening.ENDED:
            message = f"The hive host did not boot: systemd-nspawn ended with exit code {nspawn.get_returncode()}."
            raise CannotError(message, log=self._state.log_tail())
        if happening is Happening.STOP_ASKED:
            raise CannotError("The hive host was stopped while it was booting.")

    async def _until_asked_or_ended(self) -> None:
        while await self._happenings.get() is Happening.READY:
            pass

    async def _end(self, nspawn: asyncio.SubprocessTransport, cgroups: Cgroups) -> None:
        if nspawn.get_returncode() is None:
            log.info("stopping the hive host")
            nspawn.terminate()
            try:
                async with asyncio.timeout(STOP_LIMIT):
                    while await self._happenings.get() is not Happening.ENDED:
                        pass
            except TimeoutError:
                log.error("the hive host did not stop within %g s and is killed", STOP_LIMIT)
                cgroups.kill()
        log.info("nspawn has ended with exit code %s", nspawn.get_returncode())
        nspawn.close()


class _Ending(asyncio.SubprocessProtocol):
    """Tells of the end of a process."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def process_exited(self) -> None:
        self._ended()


class Reporter:
    """Standard output, for one report. Its end is this process's end, or that the host has booted."""

    def __init__(self) -> None:
        # Nothing that is started from here may hold the pipe open: whoever called `hive up` would wait for its end.
        self._fd: int | None = os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)

    def send(self, report: Report) -> None:
        if self._fd is None:
            return
        try:
            os.write(self._fd, report.model_dump_json().encode() + b"\n")
        except BrokenPipeError:
            log.warning("nobody listens any more to: %s", report.kind)
        if report.kind is ReportKind.READY:
            os.close(self._fd)
            self._fd = None


def _open_log(path: Path) -> None:
    """Standard error goes to the log from here on; the log of the start before is kept beside it."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 2)
    os.close(fd)


def explain(error: OSError, state: State) -> CannotError:
    """What the file system refused, in words for the operator."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotError(
            f"The disk that holds {state.root} is full.", hint="Free some space, or choose another place with --state."
        )
    where = error.filename or state.root
    return CannotError(
        f"The hive host cannot be made: {where}: {error.strerror}.", hint="Choose another place with --state."
    )


async def launch(request: LaunchRequest, report: Reporter) -> None:
    """Raises what is not expected, after everything was stopped; the caller of `hive up` then reads it in the log."""
    state = State(request.state)
    launcher = Launcher(state, request)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, launcher.stop)
    lock = HostLock(state.lock)
    is_new = False
    try:
        is_new = _make_root(state)
        if not lock.acquire():
            report.send(Report(kind=ReportKind.LOCKED))
            return
        _open_log(state.log)
        await launcher.run(report)
    except (CannotError, OSError) as error:
        reason = error if isinstance(error, CannotError) else explain(error, state)
        log.error("%s", reason.sentence())
        if is_new and not launcher.booted:
            shutil.rmtree(state.root, ignore_errors=True)
        # First, so that a next attempt finds it free.
        lock.release()
        report.send(Report(kind=ReportKind.FAILED, message=reason.message, hint=reason.hint, log=reason.log))
    finally:
        lock.release()


def _make_root(state: State) -> bool:
    """True when the state directory was not there before."""
    state.root.parent.mkdir(parents=True, exist_ok=True)
    try:
        state.root.mkdir(mode=0o700)
    except FileExistsError:
        # Again, and now for good: nobody but root can put another one in its place from here on.
        check_owner(state.root)
        return False
    return True


def main() -> None:
    setup()
    request = LaunchRequest.model_validate_json(sys.stdin.buffer.read())
    asyncio.run(launch(request, Reporter()))


if __name__ == "__main__":
    main()
