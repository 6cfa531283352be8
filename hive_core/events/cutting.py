"""Keeping events small: what an agent pushes is stored and shown, so none of it may be larger than a page can bear."""

import json
from typing import TypeVar

from hive_rpc.types import Event, Model, ToolCall

MAX_TEXT = 64 * 1024
"""Bytes of UTF-8 in one text of a stored event."""

T = TypeVar("T", bound=str | None)


def cut(text: T) -> T:
    """The text, or its beginning and a mark that says how much is missing."""
    if text is None or len(text) * 4 <= MAX_TEXT:
        return text
    raw = text.encode(errors="replace")
    if len(raw) <= MAX_TEXT:
        return text
    kept = raw[:MAX_TEXT].decode(errors="ignore")
    return f"{kept}\n[cut: {len(raw) - MAX_TEXT} of {len(raw)} bytes left out]"  # type: ignore[return-value]


def shorten(event: Event) -> Event:
    """The event with every text in it cut to the limit."""
    changes: dict[str, str | Model | None] = {}
    if event.text is not None:
        changes["text"] = cut(event.text)
    if event.tool_result is not None:
        changes["tool_result"] = event.tool_result.model_copy(update={"content": cut(event.tool_result.content)})
    if event.tool_call is not None:
        changes["tool_call"] = _shorten_call(event.tool_call)
    if event.message is not None:
        changes["message"] = event.message.model_copy(update={"body": cut(event.message.body)})
    if event.turn is not None:
        changes["turn"] = event.turn.model_copy(update={"error": cut(event.turn.error)})
    return event.model_copy(update=changes)


def _shorten_call(call: ToolCall) -> ToolCall:
    text = json.dumps(call.input, ensure_ascii=False)
    short = cut(text)
    return call if short is text else call.model_copy(update={"input": {"cut": short}})
