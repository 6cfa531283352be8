"""`org.hive.Gateway` as core answers it: which agents there are, and what answers them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hive_base.paths import RunPaths
from hive_core.agents.agents import Agents
from hive_rpc.interfaces.gateway import AgentsReply, Gateway, GatewayAgent, ReportBackendRequest
from hive_rpc.types import Empty


@dataclass(frozen=True)
class Backend:
    """What answers the agents' requests, as the gateway says."""

    stand_in: bool
    description: str


class GatewayLine:
    """The gateway's connections; there is one gateway."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.backend: Backend | None = None
        """None while no gateway is connected."""
        self._reporter: object | None = None

    def report(self, reporter: object, backend: Backend) -> None:
        self._reporter, self.backend = reporter, backend

    def gone(self, reporter: object) -> None:
        """A connection has ended; what it reported holds no longer, unless a newer one has reported since."""
        if self._reporter is reporter:
            self._reporter = self.backend = None

    def agents_changed(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Until the agents change. Whoever looked before awaiting this, without a pause in between, misses nothing."""
        await self._changed.wait()


class GatewayDesk(Gateway):
    """One for each connection."""

    def __init__(self, *, line: GatewayLine, agents: Agents, paths: RunPaths) -> None:
        self._line = line
        self._agents = agents
        self._paths = paths

    async def closed(self) -> None:
        self._line.gone(self)

    async def agents(self, request: Empty) -> AsyncIterator[AgentsReply]:
        told: AgentsReply | None = None
        while True:
            now = AgentsReply(
                agents=[
                    GatewayAgent(name=a.name, directory=str(self._paths.gateway_directory(a.name)))
                    for a in self._agents.all()
                ]
            )
            if now != told:
                told = now
                yield now
            else:
                await self._line.wait()

    async def report_backend(self, request: ReportBackendRequest) -> Empty:
        self._line.report(self, Backend(stand_in=request.stand_in, description=request.description))
        return Empty()
