"""Text from agents, before it is shown."""

import pytest

from hive_web.readable import one_line, readable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("a\x1b", "a"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("progress 1\rprogress 2", "progress 1␍progress 2"),
        ("nul\x00 bell\x07", "nul␀ bell␇"),
        ("\x9b31m", "�31m"),
        ("user\u202egnp.exe", "user�gnp.exe"),
        ("grün 蜂 🐝", "grün 蜂 🐝"),
    ],
)
def test_shows_what_is_there_and_nothing_that_is_not(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_one_line_is_one_line_of_bounded_length() -> None:
    assert one_line("a\n  b\tc", 10) == "a b c"
    assert one_line("word " * 100, 12) == "word word w…"
    assert one_line("x" * 12, 12) == "x" * 12
    assert len(one_line(" " * 60 + "late", 12)) <= 12
