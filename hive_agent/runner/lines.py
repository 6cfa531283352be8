"""Reading a raw line of the CLI's without trusting its shape, and making it small enough to be evidence."""

import json
from collections.abc import Sequence
from typing import Any

from hive_agent.limits import MAX_EVENT_TEXT, cut
from hive_rpc.types import Object

MAX_KEPT_TEXT = 2000
"""Characters of one text in a line that is kept as evidence."""
MAX_KEPT_ITEMS = 50
MAX_KEPT = 130_000
"""Characters of all lines together, as JSON: with the rest of the evidence they fit into one frame."""
MAX_DEPTH = 6
INIT_KEPT = ("type", "subtype", "session_id", "model", "mcp_servers", "apiKeySource", "claude_code_version", "cwd")
"""Of the first line of a turn, which otherwise lists every tool and command there is."""


def mapping(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of_result(content: Any) -> str:
    """A tool's result for a person: its text, and the kind of what is not text."""
    if isinstance(content, str):
        return content
    return "\n".join(words(b.get("text")) or f"[{words(b.get('type')) or 'something'}]" for b in mappings(content))


def json_size_cut(value: Object) -> Object:
    """A tool's input, or the beginning of its JSON under `cut` when it is too large for an event."""
    text = json.dumps(value)
    return value if len(text) <= MAX_EVENT_TEXT else {"cut": cut(text)}


def trimmed(line: Object) -> Object:
    """A line as evidence: everything in it but what the model and its tools said, long texts cut.

    A synthetic message keeps its words, because they are the CLI's own.
    """
    message = mapping(line.get("message"))
    if line.get("type") == "system" and line.get("subtype") == "init":
        return {key: line[key] for key in INIT_KEPT if key in line}
    kept = {key: value for key, value in line.items() if key != "tool_use_result"}
    if message and message.get("model") != "<synthetic>":
        kept["message"] = {key: value for key, value in message.items() if key != "content"}
    if line.get("type") == "result" and line.get("is_error") is False:
        kept.pop("result", None)
    return mapping(_small(kept, MAX_DEPTH))


def latest(lines: Sequence[Object], size: int = MAX_KEPT) -> list[Object]:
    """As many of the last lines as are not larger than `size` together."""
    kept: list[Object] = []
    for line in reversed(lines):
        size -= len(json.dumps(line))
        if size < 0:
            break
        kept.append(line)
    return kept[::-1]


def _small(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return cut(value, MAX_KEPT_TEXT)
    if depth == 0 and isinstance(value, dict | list):
        return "[…]"
    if isinstance(value, dict):
        return {str(key): _small(item, depth - 1) for key, item in list(value.items())[:MAX_KEPT_ITEMS]}
    if isinstance(value, list):
        return [_small(item, depth - 1) for item in value[:MAX_KEPT_ITEMS]]
    return value
