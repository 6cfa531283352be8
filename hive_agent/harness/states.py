"""What the harness is doing, told to core and to systemd. Only the present counts: what core missed is over."""

import asyncio
from datetime import datetime

from hive_agent.harness.link import Link
from hive_base.service import notify
from hive_rpc.interfaces.agent import ReportStateRequest
from hive_rpc.types import AgentState


class States:
    """`set` never waits; `run` tells core."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._current = ReportStateRequest(state=AgentState.STARTING)
        self._changed = asyncio.Event()
        self._told = asyncio.Event()

    @property
    def current(self) -> ReportStateRequest:
        return self._current

    def set(self, state: AgentState, *, reason: str | None = None, until: datetime | None = None) -> None:
        new = self._current.model_copy(update={"state": state, "reason": reason, "until": until})
        if new != self._current:
            self._current = new
            notify(f"STATUS={state}: {reason}" if reason else f"STATUS={state}")
            self.tell_again()

    def asking(self, what: str | None) -> None:
        """In the turn that runs an operator is asked something; None when not any more."""
        if self._current.state is AgentState.THINKING:
            self.set(AgentState.THINKING, reason=what)

    def model_used(self, model: str) -> None:
        """The model that the last turn really used; told with the next state."""
        self._current = self._current.model_copy(update={"model": model})

    def tell_again(self) -> None:
        """After core has been away it knows nothing of us."""
        self._told.clear()
        self._changed.set()

    async def told(self) -> None:
        """Wait until core knows the present state."""
        await self._told.wait()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            telling = self._current
            await self._link.call(lambda agent, telling=telling: agent.report_state(telling))  # type: ignore[misc]
            if telling == self._current:
                self._told.set()
