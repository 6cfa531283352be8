"""What the stand-in understands of a message: steps, joined by `then` or each on a line of its own."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hive_gateway.standin import arithmetic

SLOWLY_SECONDS = 5.0
MOST_SECONDS = 3600.0


@dataclass(frozen=True)
class Say:
    """Words for the final answer."""

    text: str


@dataclass(frozen=True)
class Use:
    """A tool to call. `tool` is its name, or the last part of an MCP tool's name."""

    tool: str
    input: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """Send an answer to the message's sender with the `send` tool: these words, or else what the steps before gave."""

    text: str


@dataclass(frozen=True)
class Pause:
    """Make the next response of the model last this long."""

    seconds: float


Step = Say | Use | Reply | Pause

_SEPARATOR = re.compile(
    r'(?P<kept>"(?:\\.|[^"\\\n])*"|`[^`\n]*`)|\n|[,;.]?(?: and)? then '
    r"|(?: and)? (?=reply with (?:the )?send\b)",
    re.IGNORECASE,
)
_POLITE = re.compile(r"^(?:(?:please|now|and|then|first|finally|could you|can you)[\s,]+)+", re.IGNORECASE)
_SLOWLY = re.compile(r"\s?\bslowly\b", re.IGNORECASE)


def steps(text: str) -> Sequence[Step]:
    """The steps that a text asks for; empty when it asks for nothing that is known."""
    found: list[Step] = []
    for clause in _clauses(text):
        unhurried = _SLOWLY.sub("", clause).strip()
        if unhurried != clause:
            found.append(Pause(SLOWLY_SECONDS))
        if step := _step(_POLITE.sub("", unhurried)):
            found.append(step)
    return found


def _clauses(text: str) -> Sequence[str]:
    """Split at `then` and line ends, but not within quotes and backticks."""
    clauses = [""]
    position = 0
    for separator in _SEPARATOR.finditer(text):
        clauses[-1] += text[position : separator.start()] + (separator["kept"] or "")
        if not separator["kept"]:
            clauses.append("")
        position = separator.end()
    clauses[-1] += text[position:]
    return [clause.strip() for clause in clauses if clause.strip()]


def _step(clause: str) -> Step | None:
    for pattern, make in _RULES:
        if found := re.fullmatch(pattern, clause, re.IGNORECASE):
            return make(found)
    total = arithmetic.answer(clause)
    return Say(total) if total else None


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"`'":
        return text[1:-1].replace('\\"', '"')
    return text


def _send(found: re.Match[str]) -> Step:
    to = found["to"].lower()
    return Use("send", {"to": "*" if to == "everyone" else to, "body": _unquoted(found["body"])})


def _run(found: re.Match[str]) -> Step:
    return Use("Bash", {"command": _unquoted(found["command"]), "description": "Run what the message asks for"})


def _write(found: re.Match[str]) -> Step:
    return Use("Write", {"file_path": _unquoted(found["path"]), "content": _unquoted(found["content"])})


def _call(found: re.Match[str]) -> Step:
    try:
        given = json.loads(found["input"] or "{}")
    except ValueError as error:
        return Say(f"I cannot read the JSON for {found['tool']}: {error}.")
    if not isinstance(given, dict):
        return Say(f"The input of {found['tool']} has to be a JSON object.")
    return Use(found["tool"], given)


_RULES: Sequence[tuple[str, Callable[[re.Match[str]], Step]]] = (
    (r"reply with (?:the )?send(?: tool)?\s*[:,]?\s*(?P<text>.*?)\.?", lambda m: Reply(_unquoted(m["text"]))),
    (r"send\s(?P<body>.+)\sto\s(?P<to>[a-z][a-z0-9-]*|\*)\.?", _send),
    (r"write\s(?P<content>.+)\sto\s(?P<path>\S+)", _write),
    (r"read\s+(?P<path>/\S+)", lambda m: Use("Read", {"file_path": m["path"]})),
    (r"run\s+(?P<command>.+)", _run),
    (r"call\s+(?P<tool>[\w-]+)\s*(?P<input>\{.*\})?", _call),
    (r"(?:recv|receive(?: messages)?)\.?", lambda m: Use("recv")),
    (r"(?:whoami|who am i|who are you)[.?]?", lambda m: Use("whoami")),
    (r"(?:say|repeat)\s+(?P<text>.+)", lambda m: Say(_unquoted(m["text"]))),
    (
        r"wait(?: for)?\s+(?P<seconds>\d+(?:\.\d+)?)\s*s(?:ec(?:onds?)?)?\.?",
        lambda m: Pause(min(float(m["seconds"]), MOST_SECONDS)),
    ),
)
