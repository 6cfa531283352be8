"""What a request asks for, read from its body while that passes: the top level of one JSON object, and which models its
tools and fallbacks name.

For every body that is valid JSON this finds what any parser finds. Of one that is not, it may find something else, and
the API refuses it. A key of ours that comes twice is refused here, because parsers differ in which of the two counts.
"""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from hive_gateway.errors import ApiError

_STRUCTURE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_LONGEST_STRING = 4096
"""Bytes of one string at the top level; a longer one (a system prompt) is read as if it were empty."""
_LONGEST_INNER = 256
"""The same further in: a model's name is shorter, a tool's description is nobody's business."""
_LONGEST_TOP = 1024 * 1024
"""Bytes of what is kept."""
_KEPT_INSIDE = frozenset({"tools", "fallbacks"})
"""Lists of objects that may each name a model: an advisor's, or the one to ask when the first declines."""
_INSIDE = 3
"""How deep the keys of those objects are."""
DEFAULT_MAX_TOKENS = 64_000
"""Of a request that does not say; the API refuses it anyway."""


@dataclass(frozen=True)
class Envelope:
    model: str
    max_tokens: int
    also: tuple[str, ...] = ()
    """Other models that it may use."""
    fast: bool = False
    regional: bool = False


class EnvelopeReader:
    """Takes the body in pieces and keeps only its top level, with `null` for what is nested and does not matter."""

    def __init__(self) -> None:
        self._top = bytearray()
        self._depth = 0
        self._kept = 1
        """Down to which depth the present value is kept."""
        self._last = slice(0, 0)
        """Where in what is kept the last string of the top level is: of a nested value, its key."""
        self._in_string = False
        self._string_start: int | None = None
        """Where the present string begins in what is kept; None when it is too long to be kept."""
        self._skip = False
        """The last byte was a backslash in a string: the next one is taken as it is."""

    def feed(self, data: bytes) -> None:
        """Raises ApiError for a body that is out of all proportion."""
        at = 0
        while at < len(data):
            if self._skip:
                self._skip = False
                self._keep(data[at : at + 1])
                at += 1
            elif self._in_string:
                at = self._string(data, at)
            else:
                at = self._between(data, at)
        if len(self._top) > _LONGEST_TOP:
            raise _not_json()

    def finish(self) -> Envelope:
        """What the body asks for. Raises ApiError when it is no JSON object, or asks for no model or for two."""
        try:
            top = json.loads(self._top.decode(), object_pairs_hook=_pairs)
        except (ValueError, RecursionError):
            raise _not_json() from None
        if not isinstance(top, _Pairs):
            raise _not_json()
        model, max_tokens = top.only("model"), top.only("max_tokens")
        if not isinstance(model, str):
            raise ApiError(HTTPStatus.BAD_REQUEST, "model: Field required")
        also = tuple(name for key in sorted(_KEPT_INSIDE) for name in _models(top.only(key)))
        is_number = isinstance(max_tokens, int) and not isinstance(max_tokens, bool)
        return Envelope(
            model,
            max(0, max_tokens) if is_number else DEFAULT_MAX_TOKENS,
            also,
            fast=top.only("speed") not in (None, "standard"),
            regional=top.only("inference_geo") not in (None, "global"),
        )

    def _string(self, data: bytes, at: int) -> int:
        found = _IN_STRING.search(data, at)
        end = len(data) if found is None else found.start()
        self._keep(data[at:end])
        if found is None:
            return end
        if found[0] == b"\\":
            self._keep(b"\\")
            self._skip = True
        else:
            self._in_string = False
            if self._depth <= self._kept:
                if self._depth == 1:
                    self._last = slice(self._string_start or 0, len(self._top) if self._string_start else 0)
                self._top += b'"'
        return found.end()

    def _between(self, data: bytes, at: int) -> int:
        found = _STRUCTURE.search(data, at)
        end = len(data) if found is None else found.start()
        if self._depth <= self._kept:
            self._top += data[at:end]
        if found is None:
            return end
        match found[0]:
            case b'"':
                self._in_string = True
                if self._depth <= self._kept:
                    self._top += b'"'
                    self._string_start = len(self._top)
            case b"{" | b"[":
                self._depth += 1
                if self._depth == 2 and self._key() in _KEPT_INSIDE:
                    self._kept = _INSIDE
                if self._depth <= self._kept:
                    self._top += found[0]
                elif self._depth == self._kept + 1:
                    self._top += b"null"
            case _:
                if self._depth <= self._kept:
                    self._top += found[0]
                self._depth -= 1
                if self._depth == 1:
                    self._kept = 1
        return found.end()

    def _key(self) -> str | None:
        """Of the value that begins here; None for one that is of no interest because it is so long, or no JSON."""
        name = bytes(self._top[self._last])
        try:
            return str(json.loads(b'"%b"' % name)) if len(name) <= _LONGEST_INNER else None
        except ValueError:
            return None

    def _keep(self, data: bytes) -> None:
        """A piece of a string: kept at the top level, until the string turns out to be too long."""
        if self._depth > self._kept or self._string_start is None:
            return
        self._top += data
        longest = _LONGEST_STRING if self._depth <= 1 else _LONGEST_INNER
        if len(self._top) - self._string_start > longest:
            del self._top[self._string_start :]
            self._string_start = None


def _models(value: Any) -> list[str]:
    """The models that a list of objects names."""
    named = [item.only("model") for item in (value if isinstance(value, list) else [value]) if isinstance(item, _Pairs)]
    return [name for name in named if isinstance(name, str)]


class _Pairs:
    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self._pairs = pairs

    def only(self, key: str) -> Any:
        values = [value for name, value in self._pairs if name == key]
        if len(values) > 1:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{key}: The request has it more than once.")
        return values[0] if values else None


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    return _Pairs(pairs)


def _not_json() -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "The request body is not a JSON object that the gateway can read.")
