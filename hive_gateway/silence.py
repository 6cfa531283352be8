"""Noticing that nothing comes any more, at next to no cost for each piece that does come."""

import asyncio
from types import TracebackType


class Silence:
    """A block that ends with TimeoutError when nothing was heard in it for so many seconds.

    To move a timer for each piece of a stream costs a good part of what the piece itself does. The one here stays where
    it is, and looks when it is due how long ago the last piece came.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)

    def heard(self) -> None:
        self._since = self._loop.time()

    def excuse(self, seconds: float) -> None:
        """So much more silence is allowed until something is heard: it is not the other end that is waited for."""
        self._since = self._loop.time() + seconds

    def _look(self) -> None:
        now = self._loop.time()
        if self._since + self._seconds <= now:
            self._timeout.reschedule(now)
        else:
            # Never later than the limit of what is heard from now on.
            self._watch = self._loop.call_at(min(self._since, now) + self._seconds, self._look)

    async def __aenter__(self) -> "Silence":
        await self._timeout.__aenter__()
        self.heard()
        self._watch = self._loop.call_later(self._seconds, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel()
        await self._timeout.__aexit__(kind, error, trace)
