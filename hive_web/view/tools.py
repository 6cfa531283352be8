"""Tool calls in words: a name a person knows, and the one input that says what it was about."""

import difflib
import json
from collections.abc import Iterator
from itertools import takewhile

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


_SIGNS = {LineKind.SAME: " ", LineKind.REMOVED: "-", LineKind.ADDED: "+"}
MAX_DIFF = 400
"""Lines of a call's edits that are shown as a difference; a longer one is shown as its input."""
MAX_COMPARED = 40
"""Lines on either side that are looked through for equal ones, between what is equal at both ends: the time for that
grows with their product, or faster, and a page has many calls."""


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
    if not all(isinstance(text, str) for edit in edits for text in edit):
        return ()
    pairs = [(str(old).splitlines(), str(new).splitlines()) for old, new in edits]
    if not 0 < sum(len(before) + len(after) for before, after in pairs) <= MAX_DIFF:
        return ()
    file = DiffLine(LineKind.FILE, one_line(str(given.get("file_path", "")), 200))
    return (file, *(line for before, after in pairs for line in _compared(before, after)))


def _compared(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    """By whole lines. Not `ndiff`, which compares the letters of every pair: minutes, for two hundred lines."""
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    before_end, after_end = len(before) - tail, len(after) - tail
    yield from _lines(LineKind.SAME, before[:head])
    yield from _between(before[head:before_end], after[head:after_end])
    yield from _lines(LineKind.SAME, before[before_end:])


def _alike(these: list[str], those: list[str]) -> int:
    """How many lines are equal from the first one on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(these, those, strict=False)))


def _between(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    if max(len(before), len(after)) > MAX_COMPARED:
        yield from _lines(LineKind.REMOVED, before)
        yield from _lines(LineKind.ADDED, after)
        return
    for what, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            yield from _lines(LineKind.SAME, before[i:j])
        else:
            yield from _lines(LineKind.REMOVED, before[i:j])
            yield from _lines(LineKind.ADDED, after[k:m])


def _lines(kind: LineKind, lines: list[str]) -> Iterator[DiffLine]:
    return (DiffLine(kind, f"{_SIGNS[kind]}{line}") for line in lines)
