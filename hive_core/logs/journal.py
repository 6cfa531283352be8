"""An agent's log: what the host's journal has of its container's unit.

No journal that a container can write is ever opened (see `hive_core.containers.stateless`).
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from hive_core.logs.reader import UnitReader
from hive_rpc.client import connect
from hive_rpc.errors import InvalidError
from hive_rpc.interface import Interface, rpc
from hive_rpc.logs import LogLine
from hive_rpc.types import Empty

T = TypeVar("T")

JOURNALD_SOCKET = Path("/run/systemd/journal/io.systemd.journal")
MAX_LINES = 10_000
MAX_PAGE = 500
_CURSOR = re.compile(r"[a-z0-9=;]{1,300}")


class Journald(Interface, name="io.systemd.Journal"):
    """systemd-journald's own Varlink interface, as far as it is used here (systemd-journald.service(8))."""

    @rpc()
    async def synchronize(self, request: Empty) -> Empty:
        """Return when everything that was logged before is in the journal."""
        raise NotImplementedError


class Journal:
    """The log of one container at a time."""

    async def tail(self, machine: str, lines: int) -> list[LogLine]:
        """The last lines, `MAX_LINES` at most, oldest first."""
        async with _opened(machine) as reader:
            return await reader.last(lines)

    async def page(self, machine: str, lines: int, cursor: str | None) -> tuple[list[LogLine], str | None]:
        """Lines before a cursor, oldest first, `MAX_PAGE` at most, and the cursor for what is older."""
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise InvalidError("That is no place in a log.", hint="Use the cursor of an earlier page.")
        async with _opened(machine) as reader:
            return await reader.before(cursor, max(1, min(lines, MAX_PAGE)))

    async def last_words(self, machine: str, lines: int, *, invocation: str) -> list[LogLine]:
        """The last lines that one run of the container wrote itself, up to this moment. Raises UnavailableError."""
        async with connect(JOURNALD_SOCKET) as client:
            await client.proxy(Journald).synchronize(Empty())
        async with _opened(machine, invocation) as reader:
            return await reader.last(lines)

    async def follow(self, machine: str, lines: int) -> AsyncGenerator[LogLine, None]:
        """The last lines, and then what is written, until the iterator is closed."""
        async with _opened(machine) as reader:
            # Watching begins before reading: what is written meanwhile is told as news.
            await reader.watch()
            for line in await reader.last(lines):
                yield line
            while True:
                while found := await reader.next():
                    for line in found:
                        yield line
                await reader.news()


class _Reader:
    """A UnitReader in its thread."""

    def __init__(self, unit: UnitReader, thread: ThreadPoolExecutor) -> None:
        self._unit = unit
        self._thread = thread
        self._descriptor = -1

    async def last(self, lines: int) -> list[LogLine]:
        return await self._do(lambda: self._unit.last(min(lines, MAX_LINES)))

    async def before(self, cursor: str | None, lines: int) -> tuple[list[LogLine], str | None]:
        try:
            return await self._do(lambda: self._unit.before(cursor, lines))
        except (OSError, ValueError) as error:
            raise InvalidError("That is no place in this log.", hint="Begin at its end.") from error

    async def next(self) -> list[LogLine]:
        return await self._do(self._unit.next)

    async def watch(self) -> None:
        self._descriptor = await self._do(self._unit.watch)

    async def news(self) -> None:
        """Wait until there may be something to read."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        # Only while somebody waits: the descriptor stays readable until it is acknowledged.
        loop.add_reader(self._descriptor, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._descriptor)
        await self._do(self._unit.acknowledge)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def _opened(machine: str, invocation: str | None = None) -> AsyncIterator[_Reader]:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="journal") as thread:
        unit = await loop.run_in_executor(thread, UnitReader, machine, invocation)
        try:
            yield _Reader(unit, thread)
        finally:
            await loop.run_in_executor(thread, unit.close)
