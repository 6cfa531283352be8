"""An entry of the host's journal as a line of the agent's log."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_core.logs.lines import log_line, plain

MACHINE = "h-worker"
AT = datetime(2026, 1, 1, tzinfo=UTC)


def entry(message: object, identifier: str = MACHINE, priority: int = 6) -> dict[str, Any]:
    return {
        "MESSAGE": message,
        "SYSLOG_IDENTIFIER": identifier,
        "PRIORITY": priority,
        "__REALTIME_TIMESTAMP": AT,
    }


@pytest.mark.parametrize(
    ("message", "source", "priority", "text"),
    [
        ("hive-agent[23]: <4>a warning", "hive-agent", 4, "a warning"),
        ("hive-agent[23]: no priority", "hive-agent", 6, "no priority"),
        ("systemd[1]: Failed to start it.", "systemd", 6, "Failed to start it."),
        ("dbus-daemon: [system] x: y", "dbus-daemon", 6, "[system] x: y"),
        ("Shutting down", MACHINE, 6, "Shutting down"),
        ("Failed to stat /x: No such file", MACHINE, 6, "Failed to stat /x: No such file"),
        ("", MACHINE, 6, ""),
        (b"hive-agent[2]: not \xff UTF-8", "hive-agent", 6, "not � UTF-8"),
    ],
)
def test_a_line_of_the_console_is_taken_apart(message: object, source: str, priority: int, text: str) -> None:
    line = log_line(entry(message), MACHINE)
    assert (line.source, line.priority, line.text) == (source, priority, text)
    assert line.at == AT


def test_what_the_hosts_systemd_says_is_its_own() -> None:
    line = log_line(entry("container@h-worker.service: Failed with result 'signal'.", "systemd", 4), MACHINE)
    assert (line.source, line.priority) == ("systemd", 4)
    assert line.text == "container@h-worker.service: Failed with result 'signal'."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;c2VjcmV0\x07clipboard", "clipboard"),
        ("a\rb\bc\x00d", "abcd"),
        ("tab\tstays", "tab\tstays"),
        ("\x9b31mC1", "31mC1"),
        ("right‮ to left", "right to left"),
        ("cut off \x1b[", "cut off"),
        ("grüße 🐝", "grüße 🐝"),
    ],
)
def test_nothing_in_a_line_acts_on_a_terminal(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_whatever_is_logged_nothing_unprintable_is_left(text: str) -> None:
    cleaned = plain(text)
    assert not any((ord(c) < 32 and c != "\t") or 0x7F <= ord(c) <= 0x9F for c in cleaned)
    assert plain(cleaned) == cleaned
