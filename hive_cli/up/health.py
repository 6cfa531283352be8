"""Whether the hive is well, asked from outside: core on its socket, the dashboard on its port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from hive_base.process import ProcessError, run
from hive_cli.up.errors import CannotError, TookTooLongError
from hive_cli.up.lock import HostLock
from hive_cli.up.state import State
from hive_rpc.client import connect
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.hive import StatusReply
from hive_rpc.interfaces.operator.request import OperatorRequest

_POLL = 0.1
_ROUNDS_A_LOOK = 5
_HOPELESS_RESTARTS = 5
_LOG_LINES = 30
T = TypeVar("T")


@asynccontextmanager
async def operator(state: State) -> AsyncIterator[Operator]:
    """A connection to core. Raises UnavailableError."""
    async with connect(state.operator_socket) as client:
        yield client.proxy(Operator)


async def status(state: State) -> StatusReply | None:
    """What core says; None while it does not answer."""
    try:
        async with operator(state) as core:
            return await core.status(OperatorRequest())
    except UnavailableError:
        return None


async def dashboard_answers(port: int) -> bool | None:
    """True when an HTTP server that is in order listens there; None otherwise."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    try:
        writer.write(b"GET /sign-in HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        words = (await reader.readline()).split()
    except ConnectionError:
        return None
    finally:
        writer.close()
    return (len(words) >= 2 and words[1].isdigit() and int(words[1]) < 500) or None


class Watcher:
    """Waits for things to become well, for as long as the host lives."""

    def __init__(self, state: State, since: datetime) -> None:
        self._state = state
        self._since = since
        self._lock = HostLock(state.lock)

    async def until(self, ask: Callable[[], Awaitable[T | None]], *, time_limit: float, failing: str, unit: str) -> T:
        """Ask until there is an answer, which depends on that unit.

        Raises TookTooLongError (`failing`, with the unit's log), or CannotError as soon as it is known to be hopeless.
        """
        try:
            async with asyncio.timeout(time_limit):
                return await self._answer(ask, unit)
        except TimeoutError:
            message = f"{failing} within {time_limit:g} s."
            raise TookTooLongError(message, log=await self.log_of(unit)) from None

    async def _answer(self, ask: Callable[[], Awaitable[T | None]], unit: str) -> T:
        asked = 0
        while (answer := await ask()) is None:
            asked += 1
            if self._lock.holder() is None:
                raise CannotError("The hive host ended by itself.", log=self._state.log_tail())
            if asked % _ROUNDS_A_LOOK == 0 and await self._restarts(unit) >= _HOPELESS_RESTARTS:
                raise CannotError(f"{unit} ends again and again.", log=await self.log_of(unit))
            await asyncio.sleep(_POLL)
        return answer

    async def _restarts(self, unit: str) -> int:
        """How often the host's systemd has started the unit again by itself; 0 while it cannot be asked."""
        record = self._state.read_record()
        if record is None or record.leader is None:
            return 0
        show = ("systemctl", "show", "--value", "--property=NRestarts", unit)
        # All namespaces: D-Bus asks the kernel who is calling.
        inside = ("nsenter", f"--target={record.leader}", "--all", "--", *show)
        done = await run(inside, time_limit=10, check=False)
        return int(done.stdout) if done.stdout.strip().isdigit() else 0

    async def log_of(self, unit: str) -> Sequence[str]:
        """The last lines that the unit wrote since this start, from the host's journal."""
        try:
            done = await run(
                [
                    *("journalctl", f"--directory={self._state.journal}", "--quiet", "--no-pager", "--output=cat"),
                    *(f"--unit={unit}", f"--since=@{self._since.timestamp():.0f}", f"--lines={_LOG_LINES}"),
                ],
                time_limit=10,
            )
        except ProcessError as error:
            return [f"(the log of {unit} cannot be read: {error})"]
        return done.stdout.splitlines()
