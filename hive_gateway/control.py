"""The gateway's line to core: what each agent may do, how the accounts fare, and what core wants done."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hive_base.clock import Clock
from hive_gateway.accounts.accounts import Accounts
from hive_gateway.errands import Errands
from hive_gateway.metering.treasury import Treasury
from hive_gateway.waiting import either
from hive_rpc.accounts import AccountKind
from hive_rpc.client import connect
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.gateway import (
    AgentsReply,
    Gateway,
    ReportAccountsRequest,
    ReportBackendRequest,
)
from hive_rpc.types import Empty

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
REPORT_PAUSE = 0.2
"""Between two reports: every answer may change how much of a limit is used."""
REPORT_LATEST = 30.0
"""Something may have ended by the clock alone."""

log = logging.getLogger(__name__)


class CoreLine:
    """Dials core again and again. While core is away nothing changes: the sockets that are open go on serving."""

    def __init__(
        self,
        socket: Path,
        accounts: Accounts,
        treasury: Treasury,
        errands: Errands,
        clock: Clock,
        *,
        agents: Callable[[AgentsReply], None],
        status: Callable[[str], None],
    ) -> None:
        """`agents` is told what core says of the agents, `status` what the operator may read about the line."""
        self._socket = socket
        self._accounts = accounts
        self._treasury = treasury
        self._errands = errands
        self._clock = clock
        self._agents = agents
        self._status = status
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        while True:
            try:
                # Each has a connection of its own, for a stream has no end; when one is lost, all begin again.
                await either(self._follow(), self._report(), self._run_errands())
            except HiveError as error:
                self._status(f"Waiting for hive-core: {error.sentence()}")
            else:
                self._status("Waiting for hive-core, which ended the connection.")
            await self._clock.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    async def _follow(self) -> None:
        async with connect(self._socket) as client:
            async for reply in client.proxy(Gateway).agents(Empty()):
                self._pause = FIRST_PAUSE
                self._agents(reply)
                self._status(f"Agents: {len(reply.agents)}, answered by {self._accounts.description}.")

    async def _report(self) -> None:
        async with connect(self._socket) as client:
            core = client.proxy(Gateway)
            backend: ReportBackendRequest | None = None
            accounts: ReportAccountsRequest | None = None
            while True:
                changes = self._accounts.changed, self._treasury.changed
                if (now := self._backend()) != backend:
                    backend = now
                    await core.report_backend(now)
                if (state := self._state()) != accounts:
                    accounts = state
                    await core.report_accounts(state)
                pause = self._clock.sleep(self._until_something_ends(state))
                await either(*(changed.wait() for changed in changes), pause)
                await self._clock.sleep(REPORT_PAUSE)

    async def _run_errands(self) -> None:
        async with connect(self._socket) as inbound, connect(self._socket) as outbound:
            core = outbound.proxy(Gateway)
            async for errand in inbound.proxy(Gateway).errands(Empty()):
                finished = await self._errands.run(errand)
                # First, so that whoever asked finds the account that was added, and can have an agent use it.
                await core.report_accounts(self._state())
                await core.finish_errand(finished)

    def _backend(self) -> ReportBackendRequest:
        return ReportBackendRequest(
            stand_in=self._accounts.default.stored.kind is AccountKind.STAND_IN,
            description=self._accounts.description,
        )

    def _state(self) -> ReportAccountsRequest:
        return ReportAccountsRequest(
            accounts=self._accounts.public(), holds=[*self._accounts.holds(), *self._treasury.holds()]
        )

    def _until_something_ends(self, state: ReportAccountsRequest) -> float:
        now = self._clock.now()
        ends = [hold.until - now for hold in state.holds if hold.until is not None]
        return max(0.0, min([*ends, timedelta(seconds=REPORT_LATEST)]).total_seconds())
