"""What a turn left behind, the same for a live turn and for a file."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hive_rpc.interfaces.runner import TurnFinishedRequest


class Cancel(StrEnum):
    """Why we ended a turn ourselves."""

    REQUESTED = "requested"
    """An operator's wish, or the end of the service."""
    TIME_LIMIT = "time_limit"
    SILENCE = "silence"
    """No event for too long: the API's stream hangs (the CLI itself gives up only after 300 s)."""


@dataclass(frozen=True)
class TurnEvidence:
    events: Sequence[Any]
    """The lines of `--output-format stream-json`, parsed. Not trusted to have any shape."""
    exit_code: int | None = None
    """The CLI's, negative for a signal; None while it lives, or when nobody knows."""
    stderr: str = ""
    cancel: Cancel | None = None
    error: str | None = None
    """The SDK's exception, in words."""


@dataclass(frozen=True)
class Unreadable:
    """A line that is not JSON: cut off, or not of the CLI's making."""

    text: str


def from_lines(
    lines: Iterable[str], *, exit_code: int | None = None, stderr: str = "", cancel: Cancel | None = None
) -> TurnEvidence:
    """Of a file or a pipe, one JSON object a line; anything else becomes `Unreadable`."""
    return TurnEvidence([_parse(line) for line in lines if line.strip()], exit_code, stderr, cancel)


def from_report(report: TurnFinishedRequest, *, cancel: Cancel | None = None) -> TurnEvidence:
    """Of a live turn, as the runner reports it."""
    return TurnEvidence(report.lines, report.exit_code, report.stderr, cancel, report.error)


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return Unreadable(line)
