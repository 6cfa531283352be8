"""The CLI's process: stream-json in and out, the end of its stderr, and how it ended."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from subprocess import PIPE
from typing import Any, TypeVar

from hive_agent.runner.command import command
from hive_rpc.interfaces.runner import LaunchInstruction
from hive_rpc.types import Object

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_LINE = 64 * 1024 * 1024
"""Bytes of one line of the CLI's; an image that a tool read is one line."""
MAX_STDERR = 16 * 1024
CLOSE_SECONDS = 5.0
"""How long the CLI may take to put its transcript away when its input ends."""
UMASK = 0o022
"""What the model writes into its corner of /shared is there for all agents to read."""


class CliProcess:
    """A running CLI. Made by `started`, which also ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = _present(process.stdin)
        self._stdout = _present(process.stdout)
        self._stderr = ""

    @property
    def exit_code(self) -> int | None:
        """None while it lives, negative for a signal."""
        return self._process.returncode

    @property
    def stderr(self) -> str:
        return self._stderr

    async def ended(self) -> int:
        return await self._process.wait()

    async def write(self, text: str) -> None:
        """Raises ConnectionError when the CLI has gone."""
        if self._stdin.is_closing():
            raise ConnectionResetError("the CLI's input is closed")
        self._stdin.write(text.encode())
        await self._stdin.drain()

    async def lines(self) -> AsyncIterator[Object]:
        """What it prints, line by line, until it closes its output; what is not JSON is logged."""
        while line := await self._stdout.readline():
            try:
                value: Any = json.loads(line)
            except ValueError:
                log.warning("The CLI printed what is not JSON: %r", line[:200])
                continue
            if isinstance(value, dict):
                yield value

    async def close(self) -> None:
        """End its input, which makes it finish and exit, and kill it if it does not."""
        self._stdin.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            log.warning("The CLI did not end within %g s and is killed", CLOSE_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _keep_stderr(self) -> None:
        stream = _present(self._process.stderr)
        while data := await stream.read(4096):
            self._stderr = (self._stderr + data.decode(errors="replace"))[-MAX_STDERR:]


@contextlib.asynccontextmanager
async def started(launch: LaunchInstruction) -> AsyncIterator[CliProcess]:
    """Start the CLI for a `with` block. Raises OSError when it cannot be started."""
    process = await asyncio.create_subprocess_exec(
        *command(launch),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=launch.directory,
        env=launch.environment,
        umask=UMASK,
        limit=MAX_LINE,
    )
    cli = CliProcess(process)
    stderr = asyncio.create_task(cli._keep_stderr())
    try:
        yield cli
    finally:
        await cli.close()
        stderr.cancel()
        await asyncio.gather(stderr, return_exceptions=True)


def _present(value: T | None) -> T:
    if value is None:
        raise RuntimeError("the CLI was started without pipes")
    return value
