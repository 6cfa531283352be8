"""Tool calls in words: a name a person knows, and the one input that says what it was about."""

import difflib
import json
from collections.abc import Iterator

from hive_rpc.types import ToolCall
from hive_web.readable import one_line
from hive_web.view.diff import DiffLine, LineKind

_TELLING = ("command", "file_path", "pattern", "path", "to", "query", "url", "description", "prompt")


def tool_summary(call: ToolCall) -> str:
    """The most telling of its inputs, on one line; empty when there is none."""
    for key in _TELLING:
        value = call.input.get(key)
        if isinstance(value, str) and value.strip():
            return one_line(value, 140)
    first = next((value for value in call.input.values() if isinstance(value, str)), "")
    return one_line(first, 140)


def tool_input(call: ToolCall) -> str:
    """A lone command as it is, anything else as indented JSON."""
    if list(call.input) == ["command"] and isinstance(call.input["command"], str):
        return call.input["command"]
    return json.dumps(call.input, indent=2, ensure_ascii=False)


MAX_DIFF = 400
"""Lines of an edit that are compared; a longer one is shown as its input."""


def tool_diff(call: ToolCall) -> tuple[DiffLine, ...]:
    """What an edit takes away and puts in; nothing for any other tool."""
    given = call.input
    match call.name:
        case "Edit":
            edits = [(given.get("old_string"), given.get("new_string"))]
        case "MultiEdit":
            many = given.get("edits")
            edits = (
                [(e.get("old_string"), e.get("new_string")) for e in many if isinstance(e, dict)]
                if isinstance(many, list)
                else []
            )
        case _:
            return ()
    lines = [DiffLine(LineKind.FILE, one_line(str(given.get("file_path", "")), 200))]
    for old, new in edits:
        if not isinstance(old, str) or not isinstance(new, str):
            return ()
        before, after = old.splitlines(), new.splitlines()
        if len(before) + len(after) > MAX_DIFF:
            return ()
        lines += _compared(before, after)
    return tuple(lines) if len(lines) > 1 else ()


def _compared(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    """By whole lines. Not `ndiff`, which compares the letters of every pair: minutes, for two hundred lines."""
    for what, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            yield from (DiffLine(LineKind.SAME, f" {line}") for line in before[i:j])
        else:
            yield from (DiffLine(LineKind.REMOVED, f"-{line}") for line in before[i:j])
            yield from (DiffLine(LineKind.ADDED, f"+{line}") for line in after[k:m])
