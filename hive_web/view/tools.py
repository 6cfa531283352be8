"""Tool calls in words: a name a person knows, and the one input that says what it was about."""

import json

from hive_rpc.types import ToolCall
from hive_web.readable import one_line

_TELLING = ("command", "file_path", "pattern", "path", "to", "query", "url", "description", "prompt")


def tool_name(call: ToolCall) -> str:
    """`mcp__hive__send` is `hive · send`."""
    name = one_line(call.name, 80)
    if name.startswith("mcp__") and "__" in name[5:]:
        server, _, tool = name[5:].partition("__")
        return f"{server} · {tool}"
    return name


def tool_summary(call: ToolCall) -> str:
    """The most telling of its inputs, on one line; empty when there is none."""
    for key in _TELLING:
        value = call.input.get(key)
        if isinstance(value, str) and value.strip():
            return one_line(value, 140)
    first = next((value for value in call.input.values() if isinstance(value, str)), "")
    return one_line(first, 140)


def tool_input(call: ToolCall) -> str:
    """A lone command as it is, anything else as indented JSON."""
    if list(call.input) == ["command"] and isinstance(call.input["command"], str):
        return call.input["command"]
    return json.dumps(call.input, indent=2, ensure_ascii=False)
