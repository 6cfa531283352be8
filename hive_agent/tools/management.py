"""Tools of a manager: how the other agents fare."""

from pydantic import Field

from hive_agent.tools.tool import Arguments, Harness, Nothing, Tool, json_of
from hive_rpc.interfaces.manager import GetLogsRequest
from hive_rpc.types import Empty

MAX_LINES = 500


async def _list_agents(harness: Harness, said: Nothing) -> str:
    return json_of(await harness.manager.list_agents(Empty()))


class GetLogs(Arguments):
    name: str = Field(description="The agent's.")
    lines: int = Field(50, ge=1, le=MAX_LINES)


async def _get_logs(harness: Harness, said: GetLogs) -> str:
    reply = await harness.manager.get_logs(GetLogsRequest(name=said.name, lines=said.lines))
    lines = [f"{line.at:%Y-%m-%dT%H:%M:%SZ} {line.source}: {line.text}" for line in reply.lines]
    return "\n".join(lines) or "The log is empty."


TOOLS: tuple[Tool[Nothing] | Tool[GetLogs], ...] = (
    Tool(
        "list_agents",
        "Every agent: its state and since when, its model, what waits for it.",
        Nothing,
        _list_agents,
        read_only=True,
    ),
    Tool("get_logs", f"The last lines of an agent's log, {MAX_LINES} at most.", GetLogs, _get_logs, read_only=True),
)
