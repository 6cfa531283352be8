"""The tools as an MCP server that the CLI talks to. What goes wrong is a result that says what to do next."""

from collections.abc import Sequence
from typing import Any

from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool, ToolAnnotations, create_sdk_mcp_server
from pydantic import ValidationError

from hive_agent.runner.command import TOOL_SERVER
from hive_agent.tools import changing, management, messages, oneself, questions, reminders
from hive_agent.tools.tool import Harness, Tool
from hive_rpc.errors import HiveError

EVERYBODY: Sequence[Tool[Any]] = (*messages.TOOLS, *questions.TOOLS, *reminders.TOOLS, *oneself.TOOLS)
MANAGERS: Sequence[Tool[Any]] = (*management.TOOLS, *changing.TOOLS)

Result = dict[str, Any]


def server(harness: Harness, *, manager: bool) -> McpSdkServerConfig:
    """What this agent has; `manager` with the tools for the other agents."""
    tools = [*EVERYBODY, *(MANAGERS if manager else ())]
    return create_sdk_mcp_server(TOOL_SERVER, tools=[_sdk(harness, tool) for tool in tools])


def _sdk(harness: Harness, tool: Tool[Any]) -> SdkMcpTool[Any]:
    async def handler(arguments: dict[str, Any]) -> Result:
        return await used(harness, tool, arguments)

    return SdkMcpTool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.schema(),
        handler=handler,
        annotations=ToolAnnotations(readOnlyHint=True) if tool.read_only else None,
    )


async def used(harness: Harness, tool: Tool[Any], arguments: dict[str, Any]) -> Result:
    """What the model reads after it used a tool."""
    try:
        return _text(await tool.use(harness, tool.arguments.model_validate(arguments)))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
        return {**_text(f"{wrong}. Nothing was done: call {tool.name} again with this put right."), "is_error": True}
    except HiveError as error:
        return {**_text(error.sentence()), "is_error": True}


def _text(text: str) -> Result:
    return {"content": [{"type": "text", "text": text}]}
