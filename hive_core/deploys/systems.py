"""What agents' containers boot, where that is built: a system for each commit, pinned by the meta flake."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from hive_core.jobs import Running
from hive_core.jobs.running import CancelledJobError
from hive_core.meta.meta import Heard, Meta
from hive_rpc.configuration import JobStep
from hive_rpc.errors import HiveError

log = logging.getLogger(__name__)

_LOGGED = 2000
"""Lines of one build that are kept from its beginning, and after them from its end the `_LAST` ones."""
_LAST = 200


class Systems:
    """Without a meta flake, where containers are stateless, there is nothing to do for any of the verbs."""

    def __init__(self, meta: Meta | None) -> None:
        self._meta = meta

    @property
    def are_built(self) -> bool:
        return self._meta is not None

    async def evaluate(self, name: str, files: Mapping[str, str]) -> None:
        """Raises InvalidError when no system could be built from these files."""
        if self._meta is not None:
            await self._meta.evaluate(name, files)

    async def build(self, running: Running, pins: Mapping[str, str], *, lock: str | None = None) -> dict[str, Path]:
        """The systems of these agents' commits, one after the other. Enters the step of it; nothing else is changed.

        Raises AgentFailedError, or CancelledJobError when the job is called off meanwhile.
        """
        if self._meta is None:
            return {}
        await running.step(JobStep.BUILD)
        found = {}
        for name, sha in pins.items():
            await running.say(f"Building {name} at {sha[:12]}.")
            async with _logged(running) as heard:
                building = asyncio.ensure_future(self._meta.build(name, sha, heard=heard, lock=lock))
                found[name] = await _unless_called_off(running, building)
        return found

    async def pin(self, pins: Mapping[str, str | None], message: str) -> None:
        """The meta flake is at these commits; None takes an agent out of it."""
        if self._meta is not None:
            await self._meta.pin(pins, message)

    async def unpin(self, name: str) -> None:
        """An agent is gone; that it is pinned still does no harm."""
        try:
            await self.pin({name: None}, f"{name} is gone")
        except HiveError as error:
            log.error("%s is still in the meta flake: %s", name, error.sentence())

    async def drop(self, name: str) -> None:
        """An agent did not come to be: nothing of it is pinned, or kept from Nix's collector."""
        await self.unpin(name)
        try:
            await self.let_go(name)
        except HiveError as error:
            log.error("%s", error.sentence())

    async def let_go(self, name: str) -> None:
        """What a purged agent booted is kept from Nix's collector no more. Raises StorageError."""
        if self._meta is not None:
            await self._meta.let_go(name)


async def _unless_called_off(running: Running, building: "asyncio.Future[Path]") -> Path:
    called_off = asyncio.ensure_future(running.called_off.wait())
    try:
        await asyncio.wait((building, called_off), return_when=asyncio.FIRST_COMPLETED)
        if not building.done():
            raise CancelledJobError
        return building.result()
    finally:
        called_off.cancel()
        building.cancel()
        await asyncio.wait((building, called_off))


@asynccontextmanager
async def _logged(running: Running) -> AsyncIterator[Heard]:
    """What is heard goes into the job's log while the block runs. Of very much the beginning and the end is kept."""
    waiting: list[str] = []
    last: deque[str] = deque(maxlen=_LAST)
    heard_something = asyncio.Event()
    count = 0

    def heard(line: str) -> None:
        nonlocal count
        count += 1
        (waiting if count <= _LOGGED else last).append(line)
        heard_something.set()

    async def write() -> None:
        while True:
            await heard_something.wait()
            heard_something.clear()
            await flush()

    async def flush() -> None:
        lines = waiting.copy()
        waiting.clear()
        if lines:
            await running.say(*lines)

    writing = asyncio.ensure_future(write())
    try:
        yield heard
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        if last:
            waiting.extend([f"… {count - _LOGGED - len(last)} lines are left out …", *last])
        await flush()
