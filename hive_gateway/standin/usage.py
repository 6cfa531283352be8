"""Token counts that look like the real API's: about four characters a token, and a prompt cache that works by prefix.

Nothing is remembered. What an earlier request of the conversation put into the cache is everything before the last
assistant message, because that message was the answer to it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

_CHARACTERS_PER_TOKEN = 4

Usage = dict[str, int]
"""`input_tokens`, `cache_creation_input_tokens`, `cache_read_input_tokens`, `output_tokens`, as on the wire."""


def tokens(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def of_request(request: Mapping[str, Any]) -> int:
    """All the tokens of a request's input, at least one."""
    return max(1, _preamble(request) + sum(tokens(message) for message in _messages(request)))


def measure(request: Mapping[str, Any], output: Sequence[object]) -> Usage:
    """The usage of a request and the content blocks that answer it."""
    total = of_request(request)
    cached = min(_up_to_last_breakpoint(request), total - 1)
    read = min(cached, _answered_before(request))
    return {
        "input_tokens": total - cached,
        "cache_creation_input_tokens": cached - read,
        "cache_read_input_tokens": read,
        "output_tokens": max(1, sum(tokens(block) for block in output)),
    }


def overridden(usage: Usage, wanted: Mapping[str, int]) -> Usage:
    """The usage with other figures; one about the input replaces the three of them."""
    inputs = {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"}
    base = usage | dict.fromkeys(inputs, 0) if inputs & wanted.keys() else usage
    return base | dict(wanted)


def _messages(request: Mapping[str, Any]) -> Sequence[Any]:
    messages = request.get("messages")
    return messages if isinstance(messages, list) else ()


def _preamble(request: Mapping[str, Any]) -> int:
    """The tools and the system prompt, which come before the messages in the cache's order."""
    return sum(tokens(request[part]) for part in ("tools", "system") if request.get(part))


def _up_to_last_breakpoint(request: Mapping[str, Any]) -> int:
    """Tokens up to the last message with a `cache_control`; zero when the request asks for no caching."""
    messages = _messages(request)
    marked = [index for index, message in enumerate(messages) if _has_breakpoint(message)]
    if marked:
        return _preamble(request) + sum(tokens(message) for message in messages[: marked[-1] + 1])
    return _preamble(request) if _has_breakpoint([request.get("tools"), request.get("system")]) else 0


def _answered_before(request: Mapping[str, Any]) -> int:
    messages = _messages(request)
    answers = [
        i for i, message in enumerate(messages) if isinstance(message, dict) and message.get("role") == "assistant"
    ]
    return _preamble(request) + sum(tokens(message) for message in messages[: answers[-1]]) if answers else 0


def _has_breakpoint(value: object) -> bool:
    if isinstance(value, dict):
        return "cache_control" in value or any(_has_breakpoint(part) for part in value.values())
    return isinstance(value, list) and any(_has_breakpoint(part) for part in value)
