"""The time that the running loop's timers go by."""

import asyncio


class LoopTime:
    """Put forward by a test, so that it need not wait for what the loop does later."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._real = loop.time
        self._ahead = 0.0
        loop.time = self._now  # type: ignore[method-assign]

    def forward(self, seconds: float) -> None:
        self._ahead += seconds

    def _now(self) -> float:
        return self._real() + self._ahead
