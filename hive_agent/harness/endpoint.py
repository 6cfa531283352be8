"""`org.hive.Runner` as the harness serves it, on a socket that only root in the container can open."""

from collections.abc import AsyncIterator, Sequence

from hive_agent.harness.managing import ManagerEndpoint
from hive_agent.harness.runner_process import RunnerProcess
from hive_agent.harness.runners import Runners
from hive_agent.harness.toolbox import Toolbox
from hive_rpc.dialogue import AskParameters, FoundMessages, LooseEndsReply, RemindersReply
from hive_rpc.errors import ForbiddenError
from hive_rpc.interface import Interface
from hive_rpc.interfaces.agent import (
    AnswerRequest,
    AwaitAnswerRequest,
    ListRemindersRequest,
    QuestionReply,
    QuestionRequest,
    ReadThreadRequest,
    ReminderReply,
    ReminderRequest,
    RemindRequest,
    SearchMessagesRequest,
    SendReply,
    SetStatusRequest,
    WhoAmIReply,
)
from hive_rpc.interfaces.runner import (
    Instruction,
    PermitReply,
    PermitRequest,
    RequestNextTurnReply,
    RequestNextTurnRequest,
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
        return await self.tools().send(request)

    async def receive(self, request: ToolReceiveRequest) -> ToolReceiveReply:
        return await self.tools().receive(request)

    async def permit(self, request: PermitRequest) -> PermitReply:
        return await self.tools().permit(request)

    async def request_next_turn(self, request: RequestNextTurnRequest) -> RequestNextTurnReply:
        return self.tools().request_next_turn(request)

    async def ask(self, request: AskParameters) -> QuestionReply:
        return await self.tools().ask(request)

    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        return await self.tools().await_answer(request)

    async def remind(self, request: RemindRequest) -> ReminderReply:
        return await self.tools().remind(request)

    async def who_am_i(self, request: Empty) -> WhoAmIReply:
        return await self.tools().relay(lambda core: core.who_am_i(request))

    async def set_status(self, request: SetStatusRequest) -> Empty:
        return await self.tools().relay(lambda core: core.set_status(request))

    async def answer(self, request: AnswerRequest) -> QuestionReply:
        return await self.tools().relay(lambda core: core.answer(request))

    async def cancel_question(self, request: QuestionRequest) -> QuestionReply:
        return await self.tools().relay(lambda core: core.cancel_question(request))

    async def list_reminders(self, request: ListRemindersRequest) -> RemindersReply:
        return await self.tools().relay(lambda core: core.list_reminders(request))

    async def cancel_reminder(self, request: ReminderRequest) -> ReminderReply:
        return await self.tools().relay(lambda core: core.cancel_reminder(request))

    async def loose_ends(self, request: Empty) -> LooseEndsReply:
        return await self.tools().relay(lambda core: core.loose_ends(request))

    async def read_thread(self, request: ReadThreadRequest) -> FoundMessages:
        return await self.tools().relay(lambda core: core.read_thread(request))

    async def search_messages(self, request: SearchMessagesRequest) -> FoundMessages:
        return await self.tools().relay(lambda core: core.search_messages(request))

    def tools(self) -> Toolbox:
        """The tools, for the present runner only."""
        self._runner()
        return self._toolbox

    def _runner(self) -> RunnerProcess:
        """The caller, if it is the present runner: an earlier one that is being killed must not speak for it."""
        runner = self._runners.process(self._pid)
        if runner is None:
            raise ForbiddenError("This process is not the present runner.", hint="End.")
        return runner


def handlers(runners: Runners, toolbox: Toolbox, peer: Peer) -> Sequence[Interface]:
    endpoint = RunnerEndpoint(runners, toolbox, peer.pid)
    return [endpoint, ManagerEndpoint(endpoint.tools)]
