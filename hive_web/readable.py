"""Text from an agent, made fit to look at. Escaping for HTML is the template's work, not done here.

Agents choose names, messages, tool output and log lines freely. Terminal sequences would be noise, other control
characters could hide text, and bidirectional overrides could make a line read as something else than what it says.
"""

import re

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement (ECMA-48, 5.4)
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS, SOS, PM, APC: titles, hyperlinks
    r"|[ -/]*[0-~])?"  # two-character sequences, and a lone ESC
)
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_VISIBLE = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    | dict.fromkeys(range(128, 160), 65533)
    | {ord(mark): 0xFFFD for mark in _BIDI}
)


def readable(text: str) -> str:
    """Without terminal sequences; what else cannot be seen is replaced by a character that can."""
    if text.isprintable():
        # Nearly every text is, and a page has hundreds: to find out takes a tenth of what follows.
        return text
    return _ANSI.sub("", text.replace("\r\n", "\n")).translate(_VISIBLE)


def one_line(text: str, limit: int) -> str:
    """The beginning of a text as a single line of at most `limit` characters."""
    line = " ".join(readable(text[: limit * 4]).split())
    return line if len(line) <= limit and len(text) <= limit * 4 else line[: limit - 1].rstrip() + "…"
