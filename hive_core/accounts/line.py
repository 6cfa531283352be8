"""The line to the gateway: what it reported last, and the errands that it is to run. There is one gateway."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from hive_base.ids import new_id
from hive_rpc import errors
from hive_rpc.accounts import Account, Hold
from hive_rpc.errors import HiveError, TimedOutError, UnavailableError
from hive_rpc.interfaces.gateway import Errand, ErrandError, FinishErrandRequest, ReportAccountsRequest

ERRAND_SECONDS = 60.0
"""How long the gateway may take for one."""


@dataclass(frozen=True)
class Backend:
    """What answers agents whose configuration names no account, as the gateway says."""

    stand_in: bool
    description: str


class GatewayLine:
    """What is known through the gateway's connections."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.backend: Backend | None = None
        """None while no gateway is connected."""
        self.accounts: Sequence[Account] = ()
        """As it reported last; kept while it is away."""
        self.holds: Sequence[Hold] = ()
        self.version = 0
        """Another one when accounts or holds are others than before."""
        self.reported: Callable[[], None] = lambda: None
        """Called when accounts or holds are others than before."""
        self._reporter: object | None = None
        self._errands: dict[str, asyncio.Future[FinishErrandRequest]] = {}
        self._runner: asyncio.Queue[Errand] | None = None

    def report(self, reporter: object, backend: Backend) -> None:
        self._reporter, self.backend = reporter, backend

    def report_accounts(self, report: ReportAccountsRequest) -> None:
        if (report.accounts, report.holds) != (self.accounts, self.holds):
            self.accounts, self.holds = report.accounts, report.holds
            self.version += 1
            self.reported()

    def gone(self, reporter: object) -> None:
        """A connection has ended; what it reported holds no longer, unless a newer one has reported since."""
        if self._reporter is reporter:
            self._reporter = self.backend = None

    def agents_changed(self) -> None:
        """Something that the gateway is told about agents is other than before."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Until the agents change. Whoever looked before awaiting this, without a pause in between, misses nothing."""
        await self._changed.wait()

    async def run(self, errand: Errand) -> FinishErrandRequest:
        """Have the gateway do something. Raises what it raised, UnavailableError, or TimedOutError.

        The errand, which may carry a secret, is held by nothing but its way there.
        """
        if self._runner is None:
            raise UnavailableError(
                "hive-gateway is not connected.", hint="Look at `systemctl status hive-gateway` on the hive host."
            )
        done: asyncio.Future[FinishErrandRequest] = asyncio.get_running_loop().create_future()
        self._errands[errand.id] = done
        try:
            self._runner.put_nowait(errand)
            async with asyncio.timeout(ERRAND_SECONDS):
                finished = await done
        except TimeoutError:
            raise TimedOutError(f"hive-gateway has not finished within {ERRAND_SECONDS:g} s.") from None
        finally:
            del self._errands[errand.id]
        if finished.error is not None:
            raise _error(finished.error)
        return finished

    def finish(self, finished: FinishErrandRequest) -> None:
        """An errand is done; no error when nobody waits for it any more."""
        done = self._errands.get(finished.id)
        if done is not None and not done.done():
            done.set_result(finished)

    async def errands(self) -> AsyncIterator[Errand]:
        """What is to be done from now on."""
        with self._running() as queue:
            while True:
                yield await queue.get()

    @contextlib.contextmanager
    def _running(self) -> Iterator["asyncio.Queue[Errand]"]:
        queue: asyncio.Queue[Errand] = asyncio.Queue()
        self._runner = queue
        try:
            yield queue
        finally:
            if self._runner is queue:
                self._runner = None
                for done in self._errands.values():
                    if not done.done():
                        done.set_exception(UnavailableError("hive-gateway was lost on the way.", hint="Try again."))


def new_errand_id() -> str:
    return new_id("errand")


def _error(error: ErrandError) -> HiveError:
    cls = errors.family().get(error.name, HiveError)
    return cls(error.message, hint=error.hint)
