"""Keeping events small: what an agent pushes is stored and shown, so none of it may be larger than a page can bear."""

import json

from hive_rpc.types import Event, EventKind, Model, ToolCall, Turn

MAX_TEXT = 64 * 1024
"""Bytes of UTF-8 in one text of a stored event."""
MAX_EVENT = 512 * 1024
"""Bytes of JSON of a whole event: texts of control characters grow sixfold on their way."""
MAX_TURN = 16 * 1024
"""Bytes of JSON of a turn, of which every status holds one for each agent."""


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
    """The event with every text in it cut to its limit; one that is too large all the same becomes a notice."""
    changes: dict[str, str | Model] = {}
    if event.text is not None:
        changes["text"] = cut(event.text)
    if event.tool_result is not None:
        changes["tool_result"] = event.tool_result.model_copy(update={"content": cut(event.tool_result.content)})
    if event.tool_call is not None:
        changes["tool_call"] = _shorten_call(event.tool_call)
    if event.message is not None:
        changes["message"] = event.message.model_copy(update={"body": cut(event.message.body)})
    if event.turn is not None:
        changes["turn"] = _shorten_turn(event.turn)
    if event.kind is EventKind.TEXT_DELTA:
        return event.model_copy(update=changes)
    short = event.model_copy(update=changes)
    size = len(short.model_dump_json().encode())
    if size <= MAX_EVENT:
        return short
    notice = f"[left out: an event of kind {event.kind} with {size} bytes; {MAX_EVENT} is the limit]"
    return Event(kind=EventKind.NOTICE, at=event.at, agent=event.agent, sequence=event.sequence, text=notice)


def _shorten_call(call: ToolCall) -> ToolCall:
    text = json.dumps(call.input, ensure_ascii=False)
    short = cut(text)
    return call if short is text else call.model_copy(update={"input": {"cut": short}})


def _shorten_turn(turn: Turn) -> Turn:
    short = turn.model_copy(update={"error": cut(turn.error, MAX_TURN // 4)}) if turn.error is not None else turn
    if len(short.model_dump_json().encode()) <= MAX_TURN:
        return short
    return Turn(
        id=turn.id[:200],
        started_at=turn.started_at,
        ended_at=turn.ended_at,
        outcome=turn.outcome,
        usage=turn.usage,
        error=f"[left out: the turn's report is over {MAX_TURN} bytes]",
    )
