"""The tools that the model has for the hive: `send`, `recv` and `whoami`, served inside the runner.

They are calls to the harness. What goes wrong comes back as a result that says what to do, never as an exception.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from claude_agent_sdk import McpSdkServerConfig, ToolAnnotations, create_sdk_mcp_server, tool

from hive_agent import prompts
from hive_agent.runner.command import TOOL_SERVER
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.runner import Runner, ToolReceiveRequest, ToolSendRequest
from hive_rpc.types import EVERYONE, MAX_BODY, OPERATOR, Empty

MAX_WAIT_SECONDS = 50
MAX_RECEIVED = 20

SEND = f"""Send a message to another agent or to the operators.

It is stored before this returns and wakes its recipient. The body is UTF-8 text of at most {MAX_BODY // 1024} KiB; put
what is longer into a file in your corner of /shared and send its path. To `{EVERYONE}` it goes to every agent and
wakes each of them: use that rarely."""
RECV = f"""Take further messages that wait for you into this turn.

Returns up to `max` of them ({MAX_RECEIVED} at most), oldest first, at once if there are any. Otherwise waits up to
`wait_seconds` ({MAX_WAIT_SECONDS} at most) for the first one. They are done with when your turn ends: answer those
that need it."""
WHOAMI = "Your name, your capabilities, how many messages wait for you, and whom you can write to, with their state."

SEND_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "description": f"An agent's name, `{OPERATOR}`, or `{EVERYONE}` for every agent."},
        "body": {"type": "string", "minLength": 1, "description": "The message."},
        "in_reply_to": {
            "type": "string",
            "description": "The id of the message that this answers; by default the latest from `to` in this turn.",
        },
    },
    "required": ["to", "body"],
    "additionalProperties": False,
}
RECV_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "wait_seconds": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_SECONDS, "default": 0},
        "max": {"type": "integer", "minimum": 1, "maximum": MAX_RECEIVED, "default": 10},
    },
    "additionalProperties": False,
}
WHOAMI_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}

Result = dict[str, Any]


def server(harness: Runner, polls: Runner) -> McpSdkServerConfig:
    """The tools as an MCP server. `polls` is a connection of its own, because `recv` may wait."""

    @tool("send", SEND, SEND_SCHEMA)
    async def send(arguments: dict[str, Any]) -> Result:
        async def call() -> str:
            sent = await harness.send(ToolSendRequest.model_validate(arguments))
            return f"Sent as {sent.id}."

        return await _answered(call)

    @tool("recv", RECV, RECV_SCHEMA)
    async def recv(arguments: dict[str, Any]) -> Result:
        async def call() -> str:
            received = await polls.receive(ToolReceiveRequest.model_validate(arguments))
            return prompts.received(received.messages) if received.messages else "No message came."

        return await _answered(call)

    @tool("whoami", WHOAMI, WHOAMI_SCHEMA, annotations=ToolAnnotations(readOnlyHint=True))
    async def whoami(arguments: dict[str, Any]) -> Result:
        async def call() -> str:
            me = await harness.who_am_i(Empty())
            return json.dumps(me.model_dump(mode="json"), indent=1)

        return await _answered(call)

    return create_sdk_mcp_server(TOOL_SERVER, tools=[send, recv, whoami])


async def _answered(call: Callable[[], Awaitable[str]]) -> Result:
    try:
        return _text(await call())
    except HiveError as error:
        return {**_text(error.sentence()), "is_error": True}


def _text(text: str) -> Result:
    return {"content": [{"type": "text", "text": text}]}
