"""`org.hive.Manager` as the harness serves it to the runner's tools: core decides who is a manager."""

from collections.abc import Callable

from hive_agent.harness.toolbox import Toolbox
from hive_rpc.interfaces.manager import (
    GetLogsReply,
    GetLogsRequest,
    ListAgentsReply,
    ManagedRequest,
    Manager,
    ManagerApprovalReply,
    ManagerApprovalsReply,
    ManagerApprovalsRequest,
    RequestApplyRequest,
    RequestDestroyRequest,
    RequestSpawnRequest,
    RequestUpdateRequest,
)
from hive_rpc.types import Empty


class ManagerEndpoint(Manager):
    """Passes every call on; `tools` raises unless the caller is the present runner."""

    def __init__(self, tools: Callable[[], Toolbox]) -> None:
        self._tools = tools

    async def request_apply(self, request: RequestApplyRequest) -> ManagerApprovalReply:
        return await self._tools().manage(lambda core: core.request_apply(request))

    async def request_spawn(self, request: RequestSpawnRequest) -> ManagerApprovalReply:
        return await self._tools().manage(lambda core: core.request_spawn(request))

    async def request_destroy(self, request: RequestDestroyRequest) -> ManagerApprovalReply:
        return await self._tools().manage(lambda core: core.request_destroy(request))

    async def request_update(self, request: RequestUpdateRequest) -> ManagerApprovalReply:
        return await self._tools().manage(lambda core: core.request_update(request))

    async def restart(self, request: ManagedRequest) -> Empty:
        return await self._tools().manage(lambda core: core.restart(request))

    async def stop(self, request: ManagedRequest) -> Empty:
        return await self._tools().manage(lambda core: core.stop(request))

    async def start(self, request: ManagedRequest) -> Empty:
        return await self._tools().manage(lambda core: core.start(request))

    async def list_agents(self, request: Empty) -> ListAgentsReply:
        return await self._tools().manage(lambda core: core.list_agents(request))

    async def get_logs(self, request: GetLogsRequest) -> GetLogsReply:
        return await self._tools().manage(lambda core: core.get_logs(request))

    async def approvals(self, request: ManagerApprovalsRequest) -> ManagerApprovalsReply:
        return await self._tools().manage(lambda core: core.approvals(request))
