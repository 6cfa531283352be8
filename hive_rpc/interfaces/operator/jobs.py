"""The work on agents' lives."""

from hive_rpc.configuration import Job
from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import IdRequest, OperatorRequest
from hive_rpc.types import Model, Role


class JobsRequest(OperatorRequest):
    agent: str | None = None
    """Only this agent's."""
    limit: int = 50


class JobsReply(Model):
    jobs: list[Job]
    """Those that wait or run first, in the order in which they run; then the newest of the others."""


class JobReply(Model):
    job: Job
    log: str
    """What it did so far, line by line, with the end of the container's log where that failed."""


class RestartAllRequest(OperatorRequest):
    reason: str
    """Told to each agent."""


class Methods:
    @rpc(Role.VIEWER)
    async def jobs(self, request: JobsRequest) -> JobsReply:
        """The work on agents' lives."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def show_job(self, request: IdRequest) -> JobReply:
        """One job with its log."""
        raise NotImplementedError

    @rpc(Role.VIEWER, waits=True)
    async def await_job(self, request: IdRequest) -> JobReply:
        """Wait for a job's end."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def cancel_job(self, request: IdRequest) -> JobReply:
        """Call off a job that has not begun to switch."""
        raise NotImplementedError

    @rpc(Role.OPERATOR)
    async def restart_all(self, request: RestartAllRequest) -> JobsReply:
        """Restart every agent that runs: the managers first, then the others a few at a time."""
        raise NotImplementedError
