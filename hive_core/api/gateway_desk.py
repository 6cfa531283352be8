"""`org.hive.Gateway` as core answers it: which agents there are, what they may do, and what is to be done."""

from collections.abc import AsyncIterator

from hive_core.accounts.line import Backend, GatewayLine
from hive_core.accounts.standing import Standing
from hive_core.events.cutting import MAX_REASON, cut
from hive_rpc.interfaces.gateway import (
    AgentsReply,
    Errand,
    FinishErrandRequest,
    Gateway,
    ReportAccountsRequest,
    ReportBackendRequest,
)
from hive_rpc.types import Empty


class GatewayDesk(Gateway):
    """One for each connection."""

    def __init__(self, *, line: GatewayLine, standing: Standing) -> None:
        self._line = line
        self._standing = standing

    async def closed(self) -> None:
        self._line.gone(self)

    async def agents(self, request: Empty) -> AsyncIterator[AgentsReply]:
        told: AgentsReply | None = None
        while True:
            now = self._standing.for_gateway()
            if now != told:
                told = now
                yield now
            else:
                await self._line.wait()

    async def report_backend(self, request: ReportBackendRequest) -> Empty:
        # Every status carries it, so a broken gateway must not be able to make it long.
        description = cut(request.description, MAX_REASON)
        self._line.report(self, Backend(stand_in=request.stand_in, description=description))
        return Empty()

    async def report_accounts(self, request: ReportAccountsRequest) -> Empty:
        self._line.report_accounts(request)
        return Empty()

    async def errands(self, request: Empty) -> AsyncIterator[Errand]:
        async for errand in self._line.errands():
            yield errand

    async def finish_errand(self, request: FinishErrandRequest) -> Empty:
        self._line.finish(request)
        return Empty()
