"""The one place that runs other programs: argument lists, an explicit environment, a time limit, no shell."""

import asyncio
import contextlib
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"
_LAST_LINES = 200
_LONGEST_LINE = 2000
BASE_ENVIRONMENT: Mapping[str, str] = {"PATH": SAFE_PATH, "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Completed:
    """A program that has ended. As text its output has undecodable bytes replaced."""

    arguments: Sequence[str]
    exit_code: int
    output: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        return self.output.decode(errors="replace")


class ProcessError(Exception):
    """A program failed, could not be started, or took too long."""

    def __init__(self, message: str, completed: Completed | None = None) -> None:
        super().__init__(message)
        self.completed = completed


def _failure(done: Completed) -> ProcessError:
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    detail = f": {said[-1]}" if said else ""
    return ProcessError(f"{done.arguments[0]} failed with exit code {done.exit_code}{detail}", done)


async def run(
    arguments: Sequence[str | Path],
    *,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    time_limit: float = 60,
    output_limit: int | None = None,
    heard: Callable[[str], None] | None = None,
    check: bool = True,
) -> Completed:
    """Run a program to its end. It gets `BASE_ENVIRONMENT` and what is given, nothing of our own environment.

    Raises ProcessError when it cannot be started, runs into the time limit or writes more bytes than `output_limit`
    (it is then killed), or, with `check`, ends with another exit code than 0. Secrets go by `stdin`, never by argument.
    `heard` is called with each line of standard error as it comes; of that only the end is kept, and it has no limit.
    """
    words = [str(a) for a in arguments]
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**BASE_ENVIRONMENT, **(environment or {})},
            cwd=directory,
        )
    except OSError as error:
        raise ProcessError(f"{words[0]} cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(time_limit):
            if output_limit is None and heard is None:
                out, err = await process.communicate(stdin)
            else:
                out, err = await _within(process, stdin, output_limit or sys.maxsize, heard)
    except TimeoutError:
        raise ProcessError(f"{words[0]} did not end within {time_limit:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    done = Completed(words, process.returncode or 0, out, err.decode(errors="replace"))
    if check and done.exit_code != 0:
        raise _failure(done)
    return done


async def _within(
    process: asyncio.subprocess.Process, stdin: bytes | None, limit: int, heard: Callable[[str], None] | None
) -> tuple[bytes, bytes]:
    """What it writes, each of the two outputs within the limit. Raises ProcessError as soon as one is not."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.TaskGroup() as group:
            out = group.create_task(_read(process.stdout, limit))
            err = group.create_task(_read(process.stderr, limit) if heard is None else _listen(process.stderr, heard))
            if stdin is not None:
                group.create_task(_feed(process, stdin))
            await process.wait()
    except ExceptionGroup as errors:
        if errors.subgroup(_TooMuch) is None:
            raise
        raise ProcessError(f"it wrote more than {limit} bytes") from None
    return out.result(), err.result()


class _TooMuch(Exception):  # noqa: N818 - caught where it is raised
    pass


async def _read(stream: asyncio.StreamReader, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await stream.read(65536):
        size += len(part)
        if size > limit:
            raise _TooMuch
        parts.append(part)
    return b"".join(parts)


async def _listen(stream: asyncio.StreamReader, heard: Callable[[str], None]) -> bytes:
    """Hand on each line; the last ones, together."""
    last: deque[bytes] = deque(maxlen=_LAST_LINES)
    rest = b""
    while part := await stream.read(65536):
        *lines, rest = (rest + part).split(b"\n")
        # A line without an end is cut: what writes it has no limit.
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            last.append(line[:_LONGEST_LINE])
            heard(last[-1].decode(errors="replace"))
    if rest:
        last.append(rest)
        heard(rest.decode(errors="replace"))
    return b"\n".join(last)


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()
