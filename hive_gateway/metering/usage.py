"""What an answer used, read from it as it passes, streamed or whole.

https://docs.anthropic.com/en/api/messages-streaming: `message_start` has the prompt's tokens, each `message_delta` the
answer's so far. Nothing is held back and nothing but the present line is kept.
"""

import json
from dataclasses import astuple, dataclass, field, replace
from functools import reduce
from typing import Any

from hive_base.prices import Tokens

MAX_LINE = 1024 * 1024
"""Bytes of one event of a stream; a longer one is not read."""
MAX_WHOLE = 16 * 1024 * 1024
"""Bytes of an answer that is not streamed; a longer one is not read."""
BYTES_PER_TOKEN = 4
"""Of a stream that was cut off: its deltas have at least so many bytes for each token, framing included."""

MOST = 10**9
"""Of anything that is counted in an answer: what says more is not believed, and what all of it costs has room in the
book."""

_OWN = frozenset({"message", "fallback_message"})
_NO_REGION = frozenset({"global", "not_available"})


@dataclass(frozen=True)
class Used:
    model: str | None = None
    """As the answer says."""
    tokens: Tokens = field(default_factory=Tokens)
    beside: tuple[tuple[str | None, Tokens], ...] = ()
    """What the same request used besides, and `tokens` leaves out: a compaction of the model's own (None), or another
    model that it asked for advice."""
    searches: int = 0
    """Web searches, which are charged by the piece."""
    fast: bool = False
    regional: bool = False
    """Computed at the faster speed, or in a region of the request's choice, for both of which there is a surcharge."""
    final: bool = False
    """The API said that it is all; otherwise the answer broke off, and the output is the least it can have been."""

    @property
    def all_tokens(self) -> Tokens:
        """Of every model."""
        return reduce(_sum, (tokens for _, tokens in self.beside), self.tokens)


class UsageReader:
    """Fed with the body of a successful answer. `used` is what is known; None while nothing is."""

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream
        self._rest = bytearray()
        self._given_up = False
        self._streamed = 0
        self._used: Used | None = None

    @property
    def used(self) -> Used | None:
        if self._used is None or self._used.final:
            return self._used
        least = max(self._used.tokens.output, self._streamed // BYTES_PER_TOKEN)
        return replace(self._used, tokens=replace(self._used.tokens, output=least))

    @property
    def final(self) -> bool:
        """The API said that it is all; cheaper to ask after each piece than for `used`."""
        return self._used is not None and self._used.final

    def feed(self, data: bytes) -> None:
        if self._stream:
            self._feed_lines(data)
        elif not self._given_up:
            self._rest += data
            self._give_up_above(MAX_WHOLE)

    def end(self) -> None:
        """The answer has ended as it should."""
        if not self._stream and not self._given_up:
            message = _object(bytes(self._rest))
            if isinstance(message.get("usage"), dict):
                self._used = replace(_usage(message["usage"], Used(_words(message.get("model")))), final=True)
        elif self._rest:
            self._line(bytes(self._rest))
        self._rest.clear()

    def _feed_lines(self, data: bytes) -> None:
        if data.endswith(b"\n") and b'"usage"' not in data and not self._rest and not self._given_up:
            # Whole lines that `_line` would only count, as nearly all of a stream is.
            self._streamed += len(data) - data.count(b"\n")
            return
        *lines, rest = (bytes(self._rest) + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            if self._given_up:
                self._given_up = False
            else:
                self._line(line)
        self._give_up_above(MAX_LINE)

    def _give_up_above(self, limit: int) -> None:
        if len(self._rest) > limit:
            self._given_up = True
            self._streamed += len(self._rest)
            self._rest.clear()

    def _line(self, line: bytes) -> None:
        # Inside of a JSON string every quote has a backslash before it, so no text of the model's can look like this.
        if not line.startswith(b"data:") or b'"usage"' not in line:
            self._streamed += len(line)
            return
        event = _object(line[5:])
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                if isinstance(message, dict) and isinstance(message.get("usage"), dict):
                    self._used = _usage(message["usage"], Used(_words(message.get("model"))))
            case "message_delta" if isinstance(event.get("usage"), dict):
                self._used = replace(_usage(event["usage"], self._used or Used()), final=True)


def _usage(usage: dict[str, Any], before: Used) -> Used:
    """What it says; what it does not say is as it was before.

    `iterations` are the single calls of models behind one request. Those of the model itself are summed up at the top,
    the others (`compaction`, `advisor_message`, and whatever comes) are charged too, and are nowhere else.
    """
    entries = usage.get("iterations")
    iterations = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    own = [_tokens(entry, Tokens()) for entry in iterations if entry.get("type") in _OWN]
    others = tuple(
        (_words(entry.get("model")), _tokens(entry, Tokens())) for entry in iterations if entry.get("type") not in _OWN
    )
    tools, place = usage.get("server_tool_use"), usage.get("inference_geo")
    return replace(
        before,
        tokens=_most(_tokens(usage, before.tokens), reduce(_sum, own, Tokens())),
        beside=others or before.beside,
        searches=_count(tools if isinstance(tools, dict) else {}, "web_search_requests", before.searches),
        fast=usage.get("speed") == "fast" or before.fast,
        regional=(isinstance(place, str) and place not in _NO_REGION) or before.regional,
    )


def _tokens(usage: dict[str, Any], before: Tokens) -> Tokens:
    created = usage.get("cache_creation")
    split = created if isinstance(created, dict) else {}
    written = _count(usage, "cache_creation_input_tokens", before.cache_write_5m + before.cache_write_1h)
    hour = min(written, _count(split, "ephemeral_1h_input_tokens", before.cache_write_1h))
    return Tokens(
        input=_count(usage, "input_tokens", before.input),
        cache_read=_count(usage, "cache_read_input_tokens", before.cache_read),
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        output=_count(usage, "output_tokens", before.output),
    )


def _sum(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(*(a + b for a, b in zip(astuple(one), astuple(other), strict=True)))


def _most(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(*(max(a, b) for a, b in zip(astuple(one), astuple(other), strict=True)))


def _count(values: dict[str, Any], key: str, otherwise: int) -> int:
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST else otherwise


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _words(value: Any) -> str | None:
    return value if isinstance(value, str) else None
