"""Keeping events small: what an agent pushes is stored and shown, so none of it may be larger than a page can bear."""

import json

from hive_rpc.types import Event, Model, ToolCall, Turn

MAX_TEXT = 64 * 1024
"""Bytes of UTF-8 in one text of a stored event."""
MAX_REASON = 4 * 1024
"""Bytes of UTF-8 of why an agent is as it is, or did what it did; lists have one for each of their rows."""
MAX_TURN = 4 * 1024
"""Bytes of JSON of a turn, of which every status holds one for each agent; what is counted reads thousands."""
MAX_TOOLS = 30
"""Of a turn, by how often it used them."""


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """The text, or its beginning and a mark that says how much is missing."""
    if len(text) * 4 <= limit:
        return text
    raw = text.encode(errors="replace")
    if len(raw) <= limit:
        return text
    kept = raw[:limit].decode(errors="ignore")
    return f"{kept}\n[cut: {len(raw) - limit} of {len(raw)} bytes left out]"


def shorten(event: Event) -> Event:
    """The event with every text in it cut to its limit; most events come back as they are."""
    changes: dict[str, str | Model] = {}
    if event.text is not None and (text := cut(event.text)) is not event.text:
        changes["text"] = text
    if (result := event.tool_result) is not None and (text := cut(result.content)) is not result.content:
        changes["tool_result"] = result.model_copy(update={"content": text})
    if (call := event.tool_call) is not None and (short_call := _shorten_call(call)) is not call:
        changes["tool_call"] = short_call
    if (message := event.message) is not None and (text := cut(message.body)) is not message.body:
        changes["message"] = message.model_copy(update={"body": text})
    if event.turn is not None and (turn := _shorten_turn(event.turn)) is not event.turn:
        changes["turn"] = turn
    return event.model_copy(update=changes) if changes else event


def _shorten_call(call: ToolCall) -> ToolCall:
    text = json.dumps(call.input, ensure_ascii=False)
    short = cut(text)
    return call if short is text else call.model_copy(update={"input": {"cut": short}})


def _shorten_turn(turn: Turn) -> Turn:
    short = turn
    if turn.error is not None and (error := cut(turn.error, MAX_TURN // 4)) is not turn.error:
        short = turn.model_copy(update={"error": error})
    if len(turn.tools) > MAX_TOOLS:
        most = sorted(turn.tools.items(), key=lambda used: used[1], reverse=True)[:MAX_TOOLS]
        short = short.model_copy(update={"tools": dict(most)})
    if len(short.model_dump_json().encode()) <= MAX_TURN:
        return short
    return Turn(
        id=turn.id[:200],
        started_at=turn.started_at,
        ended_at=turn.ended_at,
        outcome=turn.outcome,
        usage=turn.usage,
        cost_usd=turn.cost_usd,
        error=f"[left out: the turn's report is over {MAX_TURN} bytes]",
    )
