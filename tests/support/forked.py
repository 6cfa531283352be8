"""`hive` in a process of its own, forked from one that has imported it.

Python needs a third of a second of a processor to start the program, which then runs for some hundredths, and tests
start it by the hundred. That it starts as it is installed too is seen where tests run it themselves.

This file is that first process's program as well: it is sent arguments and descriptors, and forks.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from hive_base.process import BASE_ENVIRONMENT

_NUMBER = struct.Struct("i")


def hive(
    arguments: tuple[str, ...], environment: Mapping[str, str], *, limit: float
) -> "subprocess.CompletedProcess[str]":
    """As `subprocess.run` does it, in `/` and with nothing to read."""
    told, telling = os.pipe()
    with open(told, "rb", buffering=0) as told_file, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            request = json.dumps([arguments, dict(environment)]).encode()
            socket.send_fds(_server(), [request], [out.fileno(), err.fileno(), telling])
        finally:
            os.close(telling)
        (pid,) = _NUMBER.unpack(told_file.read(_NUMBER.size))
        if not select.select([told], [], [], limit)[0]:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, limit)
        (code,) = _NUMBER.unpack(told_file.read(_NUMBER.size))
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read().decode(), err.read().decode())


@functools.cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Isolated, so that it is the installed program and not the one of the working directory.
    command = [sys.executable, "-I", __file__, str(theirs.fileno())]
    process = subprocess.Popen(
        command,
        env=dict(BASE_ENVIRONMENT),
        cwd="/",
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        # It ends with its socket; Ctrl-C is for the tests.
        start_new_session=True,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> None:
    from hive_cli.main import COMMANDS

    for where in COMMANDS.values():
        importlib.import_module(where.partition(":")[0])
    gc.freeze()
    # Nobody waits for those that have ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, 1 << 20, 3, socket.MSG_CMSG_CLOEXEC)
        if not request:
            return
        if os.fork() == 0:
            _run(*json.loads(request), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _run(arguments: list[str], environment: dict[str, str], out: int, err: int, telling: int) -> None:
    from hive_cli.main import cli

    os.write(telling, _NUMBER.pack(os.getpid()))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(environment)
    code = 1
    try:
        cli(arguments, prog_name="hive")
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(telling, _NUMBER.pack(code))
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
