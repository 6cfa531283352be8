"""From an entry of the host's journal to a line of an agent's log.

A container's console is the standard output of its unit. Its journal writes there `identifier[pid]: text`, and the
harness's text begins with its priority in sd-daemon(3)'s form, because a console carries none. All of it is the
agent's to forge, so it is taken apart for reading only, and nothing in it may act on a terminal.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hive_rpc.logs import LogLine

INFO = 6
_FROM_CONSOLE = re.compile(r"(?P<source>[^\s\[\]:<>]{1,64})(?:\[\d+\])?: (?P<text>.*)", re.DOTALL)
_PRIORITY = re.compile(r"<([0-7])>")
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS and the other strings: titles, clipboard, links
    r"|\x1b[ -/]*[0-~]?",  # the rest, and what was cut off
    re.DOTALL,
)
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f"  # C0 without the tab, DEL, C1
    "\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # line ends and directions that make text lie
)


def log_line(entry: Mapping[str, Any], machine: str) -> LogLine:
    """`entry` is one of systemd-python's, of the unit of `machine`."""
    text = plain(_text(entry.get("MESSAGE", "")))
    source = str(entry.get("SYSLOG_IDENTIFIER") or machine)
    priority = int(entry.get("PRIORITY", INFO))
    if source == machine:
        if found := _FROM_CONSOLE.fullmatch(text):
            source, text = found["source"], found["text"]
        if found := _PRIORITY.match(text):
            priority, text = int(found[1]), text[found.end() :]
    moment: datetime = entry["__REALTIME_TIMESTAMP"]
    return LogLine(at=moment.astimezone(), source=source, priority=priority, text=text)


def plain(text: str) -> str:
    """Without escape sequences and characters that are not to be seen."""
    return _UNPRINTABLE.sub("", _ESCAPES.sub("", text)).rstrip()


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
