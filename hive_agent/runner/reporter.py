"""Events on their way from the runner to the harness: in order, together where they come fast."""

import asyncio
from collections import deque

from hive_agent.batches import first_batch
from hive_rpc.interfaces.runner import Runner, RunnerEventsRequest, TurnFinishedRequest
from hive_rpc.types import Event


class Reporter:
    """`add` never waits; `run` sends. What comes while a call is under way goes with the next one."""

    def __init__(self, harness: Runner) -> None:
        self._harness = harness
        self._events: deque[Event] = deque()
        self._waiting = asyncio.Event()
        self._sending = asyncio.Lock()

    def add(self, event: Event) -> None:
        self._events.append(event)
        self._waiting.set()

    async def run(self) -> None:
        while True:
            await self._waiting.wait()
            await self._flush()

    async def finish(self, evidence: TurnFinishedRequest) -> None:
        """Report the end of a turn, after everything that happened in it."""
        await self._flush()
        await self._harness.turn_finished(evidence)

    async def _flush(self) -> None:
        async with self._sending:
            self._waiting.clear()
            while self._events:
                batch, taken = first_batch(self._events)
                for _ in range(taken):
                    self._events.popleft()
                await self._harness.events(RunnerEventsRequest(events=batch))
