"""An agent's files and its log, to read."""

from collections.abc import AsyncIterator
from enum import StrEnum

from hive_rpc.interface import rpc
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.logs import LogLine
from hive_rpc.types import AgentName, Model, Role, Time


class LogsRequest(OperatorRequest):
    name: AgentName
    lines: int = 100
    follow: bool = False


class FileKind(StrEnum):
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"
    """A pipe, a socket, a device."""


class FileEntry(Model):
    name: str
    """A name that is not UTF-8 has its bytes written as `\\xff`."""
    kind: FileKind
    size: int = 0
    modified_at: Time | None = None
    readable: bool = True
    """It can be read, or listed; links and what is no plain file cannot."""


class ListAgentFilesRequest(OperatorRequest):
    agent: AgentName
    path: str = ""
    """`state`, `claude` or `shared`, and what lies beneath; empty for these three."""
    after: str | None = None
    """A cursor of the reply before."""
    limit: int = 200


class ListAgentFilesReply(Model):
    entries: list[FileEntry]
    """By name."""
    cursor: str | None = None
    """Ask again with this for more; None when there are no more."""
    truncated: bool = False
    """There are more than are ever listed."""


class ReadAgentFileRequest(OperatorRequest):
    agent: AgentName
    path: str
    offset: int = 0
    limit: int = 256 * 1024
    """Bytes; 256 KiB at most."""


class ReadAgentFileReply(Model):
    data: str
    """Base 64."""
    offset: int
    size: int
    """Of the whole file."""
    modified_at: Time | None = None


class ReadLogRequest(OperatorRequest):
    agent: AgentName
    cursor: str | None = None
    """Of the reply before: lines older than those. None is the end of the log."""
    lines: int = 200


class ReadLogReply(Model):
    lines: list[LogLine]
    """Oldest first."""
    cursor: str | None = None
    """For what is older; None when there is nothing older."""


class Methods:
    @rpc(Role.VIEWER)
    async def list_agent_files(self, request: ListAgentFilesRequest) -> ListAgentFilesReply:
        """What is in one of an agent's directories; nothing is followed."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def read_agent_file(self, request: ReadAgentFileRequest) -> ReadAgentFileReply:
        """A piece of a plain file beneath one of an agent's directories."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    def logs(self, request: LogsRequest) -> AsyncIterator[LogLine]:
        """The last lines of an agent's log, and then, with `follow`, what is written."""
        raise NotImplementedError

    @rpc(Role.VIEWER)
    async def read_log(self, request: ReadLogRequest) -> ReadLogReply:
        """A page of an agent's log, from its end backwards."""
        raise NotImplementedError
