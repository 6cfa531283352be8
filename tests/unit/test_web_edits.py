"""What an edit changed, as an agent's page shows it."""

import random

import pytest

from hive_rpc.types import ToolCall
from hive_web.view.diff import LineKind
from hive_web.view.tools import tool_diff


def edit(old: str, new: str) -> ToolCall:
    return ToolCall(id="1", name="Edit", input={"file_path": "notes", "old_string": old, "new_string": new})


def test_an_edit_is_shown_line_by_line() -> None:
    assert [(line.kind, line.text) for line in tool_diff(edit("a\nb\nc", "a\nB\nc"))] == [
        (LineKind.FILE, "notes"),
        (LineKind.SAME, " a"),
        (LineKind.REMOVED, "-b"),
        (LineKind.ADDED, "+B"),
        (LineKind.SAME, " c"),
    ]


@pytest.mark.timeout(30)
def test_the_largest_edit_is_compared_in_a_moment_whatever_it_is_made_of() -> None:
    """An agent could otherwise take the dashboard away with one edit."""
    letters = random.Random(1)
    old, new = ("\n".join("".join(letters.choices("ab", k=150)) for _ in range(200)) for _ in range(2))
    assert len(tool_diff(edit(old, new))) > 200


def test_what_is_equal_at_both_ends_is_told_from_what_changed_however_long_it_is() -> None:
    same, other = [f"line {n}" for n in range(80)], [f"new {n}" for n in range(60)]
    found = tool_diff(edit("\n".join([*same, "old", *same]), "\n".join([*same, *other, *same])))
    assert [line.text for line in found if line.kind is LineKind.REMOVED] == ["-old"]
    assert [line.text for line in found if line.kind is LineKind.ADDED] == [f"+{text}" for text in other]


def test_many_edits_in_one_call_count_together() -> None:
    many = [{"old_string": "a\nx\n" * 100, "new_string": "a\ny\n" * 100}] * 54
    call = ToolCall(id="1", name="MultiEdit", input={"file_path": "/a", "edits": many})
    assert tool_diff(call) == ()
    assert tool_diff(call.model_copy(update={"input": {"file_path": "/a", "edits": many[:1]}}))
