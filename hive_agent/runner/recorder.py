"""One turn, read from the CLI's raw lines: live events for people, evidence and figures for the harness.

The shapes are those of `claude --output-format stream-json` (2.1.197 measured; 2.1.327 run). Lines are read leniently:
what is missing or of another type is left out, never an error.
"""

from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from hive_agent.limits import cut, cut_utf8
from hive_agent.runner import notices
from hive_agent.runner.lines import json_size_cut, latest, mapping, mappings, number, text_of_result, trimmed, words
from hive_base.clock import Clock
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import MAX_BODY, Event, EventKind, Object, ToolCall, ToolResult, Usage

MAX_LINES = 400
"""Lines of evidence that are kept of one turn."""


class TurnRecorder:
    """Follows one turn. `follow` is given every line; `evidence` sums up, at any moment."""

    def __init__(self, turn_id: str, *, clock: Clock, emit: Callable[[Event], None], cost_before: float) -> None:
        self.turn_id = turn_id
        self._clock = clock
        self._emit = emit
        self._cost_before = cost_before
        self._began = clock.monotonic()
        self._first_token: float | None = None
        self._lines: deque[Object] = deque(maxlen=MAX_LINES)
        self._last_text = ""
        self._context: int | None = None
        self._model: str | None = None
        self._tools: Counter[str] = Counter()
        self._result: Object | None = None

    @property
    def finished(self) -> bool:
        """The CLI has given its `result`."""
        return self._result is not None

    @property
    def cost_total(self) -> float:
        """What the process has cost up to now: the CLI adds up over all turns of a process."""
        total = number(mapping(self._result).get("total_cost_usd"))
        return self._cost_before if total is None else max(total, self._cost_before)

    def follow(self, line: Object) -> None:
        kind = line.get("type")
        if kind == "stream_event":
            self._partial(line)
            return
        self._lines.append(trimmed(line))
        match kind:
            case "assistant":
                self._assistant(line)
            case "user":
                self._tool_results(line)
            case "result":
                self._result = line
        if notice := notices.notice(line):
            self._send(EventKind.NOTICE, text=notice)

    def evidence(self, *, exit_code: int | None, stderr: str, error: str | None) -> TurnFinishedRequest:
        result = mapping(self._result)
        said = result.get("result") if result.get("is_error") is False else None
        return TurnFinishedRequest(
            turn_id=self.turn_id,
            lines=latest(self._lines),
            stderr=stderr,
            exit_code=exit_code,
            error=error,
            final_text=cut_utf8(said if isinstance(said, str) and said else self._last_text, MAX_BODY),
            first_token_seconds=self._first_token,
            context_tokens=self._context,
            usage=_usage(mapping(result.get("usage"))),
            cost_usd=None if self._result is None else self.cost_total - self._cost_before,
            model=self._model,
            tools=dict(self._tools),
        )

    def _partial(self, line: Object) -> None:
        event = mapping(line.get("event"))
        if event.get("type") in {"content_block_start", "content_block_delta"}:
            self._token()
        delta = mapping(event.get("delta"))
        if delta.get("type") == "text_delta" and _main(line):
            self._send(EventKind.TEXT_DELTA, text=words(delta.get("text")))

    def _assistant(self, line: Object) -> None:
        message = mapping(line.get("message"))
        if message.get("model") == "<synthetic>":
            # Not said by the model: the CLI tells of an error in this way.
            return
        self._token()
        if _main(line):
            usage = _usage(mapping(message.get("usage")))
            if size := usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens:
                self._context = size
            self._model = words(message.get("model")) or self._model
        for block in mappings(message.get("content")):
            self._block(block, main=_main(line))

    def _block(self, block: Object, *, main: bool) -> None:
        match block.get("type"):
            case "text" if main and (text := words(block.get("text"))):
                self._last_text = text
                self._send(EventKind.TEXT, text=cut(text))
            case "thinking" if main and (text := words(block.get("thinking"))):
                self._send(EventKind.THINKING, text=cut(text))
            case "tool_use":
                name = words(block.get("name"))
                self._tools[name] += 1
                call = ToolCall(id=words(block.get("id")), name=name, input=json_size_cut(mapping(block.get("input"))))
                self._send(EventKind.TOOL_CALL, tool_call=call)

    def _tool_results(self, line: Object) -> None:
        for block in mappings(mapping(line.get("message")).get("content")):
            if block.get("type") == "tool_result":
                result = ToolResult(
                    id=words(block.get("tool_use_id")),
                    content=cut(text_of_result(block.get("content"))),
                    is_error=block.get("is_error") is True,
                )
                self._send(EventKind.TOOL_RESULT, tool_result=result)

    def _token(self) -> None:
        if self._first_token is None:
            self._first_token = self._clock.monotonic() - self._began

    def _send(self, kind: EventKind, **fields: Any) -> None:
        at: datetime = self._clock.now()
        self._emit(Event(kind=kind, at=at, turn_id=self.turn_id, **fields))


def _main(line: Object) -> bool:
    """On the main thread, not in a sub-agent's."""
    return line.get("parent_tool_use_id") is None


def _usage(usage: Object) -> Usage:
    def tokens(name: str) -> int:
        return int(number(usage.get(name)) or 0)

    return Usage(
        input_tokens=tokens("input_tokens"),
        output_tokens=tokens("output_tokens"),
        cache_read_tokens=tokens("cache_read_input_tokens"),
        cache_creation_tokens=tokens("cache_creation_input_tokens"),
    )
