"""A response in the two shapes of the Messages API: one JSON object, or a stream of server-sent events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hive_gateway.standin.planner import Response
from hive_gateway.standin.usage import Usage

_PER_DELTA = 24
"""Characters of one delta in a response that takes no time."""
_MOST_DELTAS = 200
"""Of a response that lasts."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One server-sent event, and how long to wait before it."""

    data: Mapping[str, Any]
    wait: float = 0

    def encode(self) -> bytes:
        return f"event: {self.data['type']}\ndata: {json.dumps(self.data)}\n\n".encode()


def content(response: Response) -> Sequence[Object]:
    blocks: list[Object] = [{"type": "text", "text": response.text}] if response.text else []
    if use := response.tool_use:
        blocks.append({"type": "tool_use", "id": use.id, "name": use.name, "input": use.input})
    return blocks


def message(message_id: str, model: str, response: Response, usage: Usage) -> Object:
    """The answer to a request without `stream`."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content(response),
        "stop_reason": response.stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def stream(message_id: str, model: str, response: Response, usage: Usage) -> Iterator[Event]:
    """The events of a streamed answer; the text's deltas share the response's time."""
    head = message(message_id, model, response, {**usage, "output_tokens": 1})
    yield Event({"type": "message_start", "message": {**head, "content": [], "stop_reason": None}})
    yield Event({"type": "ping"})
    for index, block in enumerate(content(response)):
        is_text = block["type"] == "text"
        empty = {**block, "text": ""} if is_text else {**block, "input": {}}
        yield Event({"type": "content_block_start", "index": index, "content_block": empty})
        yield from _text_deltas(index, response) if is_text else _input_deltas(index, block["input"])
        yield Event({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": response.stop_reason, "stop_sequence": None}
    yield Event({"type": "message_delta", "delta": delta, "usage": usage})
    yield Event({"type": "message_stop"})


def error(error_type: str, text: str) -> Event:
    """An error inside a stream that has begun."""
    return Event({"type": "error", "error": {"type": error_type, "message": text}})


def _text_deltas(index: int, response: Response) -> Iterator[Event]:
    text = response.text
    size = max(1, len(text) // _MOST_DELTAS) if response.seconds else _PER_DELTA
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    for part in parts:
        delta = {"type": "text_delta", "text": part}
        yield Event({"type": "content_block_delta", "index": index, "delta": delta}, response.seconds / len(parts))


def _input_deltas(index: int, given: Mapping[str, Any]) -> Iterator[Event]:
    """The input's JSON in two parts, because a client must be able to put it together."""
    text = json.dumps(given)
    half = len(text) // 2
    for part in (text[:half], text[half:]):
        delta = {"type": "input_json_delta", "partial_json": part}
        yield Event({"type": "content_block_delta", "index": index, "delta": delta})
