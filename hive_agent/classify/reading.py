"""The last turn of a stream, read leniently: what is missing or of another type is None, never an error.

Nothing that the model or its tools said is read. Text counts only where the CLI itself wrote it: in a message whose
`message.model` is `<synthetic>` (the CLI sets it; no answer of the API can), and in the `errors` of a result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hive_agent.classify.evidence import Unreadable
from hive_rpc.types import Object

SYNTHETIC = "<synthetic>"
_SYNTHETIC_STOP = "stop_sequence"
"""The `stop_reason` of the CLI's own error messages; the CLI never asks the API for stop sequences."""
_MOST_DIGITS = 20


@dataclass(frozen=True)
class Line:
    index: int
    body: Object

    @property
    def type(self) -> str:
        return words(self.body.get("type"))

    @property
    def subtype(self) -> str:
        return words(self.body.get("subtype"))


@dataclass(frozen=True)
class Turn:
    """The lines of the last turn in a stream."""

    lines: Sequence[Line]
    """Up to and with the result, or to the end when there is none."""
    result: Line | None
    unfinished: Line | None
    """The first sign of a further turn after the result, which has none itself."""
    limit: Line | None
    """The last `rate_limit_event` of the whole stream: the CLI prints it only when something changed."""

    def field(self, name: str) -> Any:
        return None if self.result is None else self.result.body.get(name)

    @property
    def synthetic(self) -> Line | None:
        """The CLI's last own message of this turn on the main thread."""
        return next((line for line in reversed(self.lines) if is_synthetic(line)), None)

    @property
    def synthetic_error(self) -> Line | None:
        """The same, where it says an `error`."""
        found = (line for line in reversed(self.lines) if is_synthetic(line) and words(line.body.get("error")))
        return next(found, None)

    @property
    def answered(self) -> bool:
        """The model said something on the main thread."""
        return any(line.type == "assistant" and _main(line) and not is_synthetic(line) for line in self.lines)

    @property
    def own_text(self) -> tuple[Line, str] | None:
        """What the CLI itself said of an error."""
        if (line := self.synthetic_error or self.synthetic) is not None:
            return line, message_text(line)
        bare = not any(line.type == "assistant" for line in self.lines)
        if self.result is not None and bare and self.field("stop_reason") == _SYNTHETIC_STOP:
            return self.result, words(self.field("result"))
        return None

    def last_system(self, subtype: str, key: str) -> Line | None:
        """The last `system` line of this subtype that has something under `key`."""
        found = (
            line
            for line in reversed(self.lines)
            if line.type == "system" and line.subtype == subtype and line.body.get(key) is not None
        )
        return next(found, None)


def last_turn(events: Sequence[Any]) -> Turn:
    known = [Line(index, event) for index, event in enumerate(events) if isinstance(event, dict)]
    results = [place for place, line in enumerate(known) if line.type == "result"]
    limit = next((line for line in reversed(known) if line.type == "rate_limit_event"), None)
    if not results:
        return Turn(known, None, None, limit)
    end = results[-1]
    begin = results[-2] + 1 if len(results) > 1 else 0
    unfinished = next((line for line in known[end + 1 :] if begins_a_turn(line)), None)
    if unfinished is None and events and isinstance(events[-1], Unreadable) and events[-1].text.startswith("{"):
        unfinished = Line(len(events) - 1, {"type": "a line that was cut off"})
    # What trails the result is read too, for the sake of a `system` line that comes late.
    late = [line for line in known[end + 1 :] if line.type == "system"]
    return Turn([*known[begin : end + 1], *late], known[end], unfinished, limit)


def is_synthetic(line: Line) -> bool:
    return line.type == "assistant" and _main(line) and mapping(line.body.get("message")).get("model") == SYNTHETIC


def message_text(line: Line) -> str:
    content = mapping(line.body.get("message")).get("content")
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(words(mapping(block).get("text")) for block in blocks)


def mapping(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int | None:
    """A whole number, also where a version writes it as text or with a decimal point."""
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _main(line: Line) -> bool:
    """On the main thread, not in a sub-agent's."""
    return line.body.get("parent_tool_use_id") is None


def begins_a_turn(line: Line) -> bool:
    if line.type == "system":
        return line.subtype == "init"
    return line.type in {"assistant", "user", "stream_event"} and _main(line)
