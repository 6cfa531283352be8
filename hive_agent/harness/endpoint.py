"""`org.hive.Runner` as the harness serves it, on a socket that only root in the container can open."""

from collections.abc import AsyncIterator, Sequence

from hive_agent.harness.runner_process import RunnerProcess
from hive_agent.harness.runners import Runners
from hive_agent.harness.toolbox import Toolbox
from hive_rpc.errors import ForbiddenError
from hive_rpc.interface import Interface
from hive_rpc.interfaces.agent import SendReply, WhoAmIReply
from hive_rpc.interfaces.runner import (
    Instruction,
    Runner,
    RunnerEventsRequest,
    ToolReceiveReply,
    ToolReceiveRequest,
    ToolSendRequest,
    TurnFinishedRequest,
)
from hive_rpc.sockets import Peer
from hive_rpc.types import Empty


class RunnerEndpoint(Runner):
    """One connection of a runner's."""

    def __init__(self, runners: Runners, toolbox: Toolbox, pid: int) -> None:
        self._runners = runners
        self._toolbox = toolbox
        self._pid = pid

    def instructions(self, request: Empty) -> AsyncIterator[Instruction]:
        return self._runner().instructions()

    async def events(self, request: RunnerEventsRequest) -> Empty:
        self._runner().events(request.events)
        return Empty()

    async def turn_finished(self, request: TurnFinishedRequest) -> Empty:
        self._runner().turn_finished(request)
        return Empty()

    async def send(self, request: ToolSendRequest) -> SendReply:
        self._runner()
        return await self._toolbox.send(request)

    async def receive(self, request: ToolReceiveRequest) -> ToolReceiveReply:
        self._runner()
        return await self._toolbox.receive(request)

    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        self._runner()
        return await self._toolbox.who_am_i()

    def _runner(self) -> RunnerProcess:
        """The caller, if it is the present runner: an earlier one that is being killed must not speak for it."""
        runner = self._runners.process(self._pid)
        if runner is None:
            raise ForbiddenError("This process is not the present runner.", hint="End.")
        return runner


def handlers(runners: Runners, toolbox: Toolbox, peer: Peer) -> Sequence[Interface]:
    return [RunnerEndpoint(runners, toolbox, peer.pid)]
