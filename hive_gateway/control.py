"""The gateway's line to core: which agents there are, and what answers them."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hive_base.clock import Clock
from hive_gateway.backend import Backend
from hive_rpc.client import connect
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.gateway import Gateway, ReportBackendRequest
from hive_rpc.types import Empty

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0

log = logging.getLogger(__name__)


class CoreLine:
    """Dials core again and again. While core is away nothing changes: the sockets that are open go on serving."""

    def __init__(
        self,
        socket: Path,
        backend: Backend,
        clock: Clock,
        *,
        agents: Callable[[Mapping[str, Path]], None],
        status: Callable[[str], None],
    ) -> None:
        """`agents` is told the agents' directories at each change, `status` what the operator may read about it."""
        self._socket = socket
        self._backend = backend
        self._clock = clock
        self._agents = agents
        self._status = status
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except HiveError as error:
                self._status(f"Waiting for hive-core: {error.sentence()}")
            else:
                self._status("Waiting for hive-core, which ended the connection.")
            await self._clock.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    async def _follow(self) -> None:
        # The report comes first and on the same connection, because it holds as long as that, and a stream has no end.
        async with connect(self._socket) as client:
            core = client.proxy(Gateway)
            await core.report_backend(
                ReportBackendRequest(stand_in=self._backend.stand_in, description=self._backend.description)
            )
            async for reply in core.agents(Empty()):
                self._pause = FIRST_PAUSE
                self._agents({agent.name: Path(agent.directory) for agent in reply.agents})
                self._status(f"Agents: {len(reply.agents)}, answered by {self._backend.description}.")
