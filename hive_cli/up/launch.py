"""Starting the launcher as a process of its own, and hearing from it whether the host has booted."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hive_base.process import BASE_ENVIRONMENT
from hive_cli.up.errors import CannotError
from hive_cli.up.protocol import LaunchRequest, Report, ReportKind
from hive_cli.up.state import State


def _systemd_is_pid_1() -> bool:
    """As sd_booted(3) finds out."""
    return Path("/run/systemd/system").is_dir()


async def launch(request: LaunchRequest) -> bool:
    """Boot the hive host; False when another process holds the lock. Raises CannotError when it does not boot.

    Cancelling this does not stop the launcher: `hive_cli.up.stop.stop` does.
    """
    report = await _converse(request)
    match report.kind:
        case ReportKind.READY:
            return True
        case ReportKind.LOCKED:
            return False
        case ReportKind.FAILED:
            raise CannotError(report.message, hint=report.hint, log=report.log)


def command(state: State, *, in_scope: bool) -> Sequence[str]:
    """`setsid --fork` makes it a daemon: in a session of its own, and nobody's child.

    Under systemd also in a scope of its own, so that it outlives the session of whoever called, and its cgroup is its
    to divide.
    """
    scope = ("systemd-run", "--scope", "--quiet", "--collect", f"--unit={state.scope}", "--property=Delegate=yes", "--")
    return (
        *(scope if in_scope else ()),
        *("setsid", "--fork"),
        # -I: neither the directory nor the environment of whoever calls decides which code runs as root.
        *(sys.executable, "-I", "-m", "hive_cli.up.launcher"),
    )


async def _converse(request: LaunchRequest) -> Report:
    state = State(request.state)
    hears, says = os.pipe()
    answers, tells = os.pipe()
    try:
        os.write(says, request.model_dump_json().encode())
        os.close(says)
        started = await asyncio.create_subprocess_exec(
            *command(state, in_scope=_systemd_is_pid_1()),
            stdin=hears,
            stdout=tells,
            env=dict(BASE_ENVIRONMENT),
            cwd="/",
        )
    finally:
        os.close(hears)
        os.close(tells)
    with os.fdopen(answers, "rb", buffering=0) as pipe:
        if await started.wait() != 0:
            raise CannotError("The launcher of the hive host could not be started.")
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            line = await reader.read()
        finally:
            transport.close()
    if not line:
        raise CannotError("The launcher of the hive host ended before it was up.", log=state.log_tail())
    return Report.model_validate_json(line)
