"""A unified diff, line by line, with what each line is: never as markup, and readable without colour."""

from dataclasses import dataclass
from enum import StrEnum

LINES = 4000
"""A diff that is longer is cut, and says so."""


class LineKind(StrEnum):
    FILE = "file"
    HUNK = "hunk"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"


@dataclass(frozen=True)
class DiffLine:
    kind: LineKind
    text: str


@dataclass(frozen=True)
class DiffView:
    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    cut: bool


def diff_view(diff: str) -> DiffView:
    lines: list[DiffLine] = []
    in_hunk = False
    for text in diff.split("\n")[:LINES]:
        kind = _kind(text, in_hunk)
        in_hunk = kind is not LineKind.FILE
        lines.append(DiffLine(kind, text))
    if lines and not lines[-1].text:
        lines.pop()
    return DiffView(
        lines=tuple(lines),
        added=sum(line.kind is LineKind.ADDED for line in lines),
        removed=sum(line.kind is LineKind.REMOVED for line in lines),
        cut=diff.count("\n") > LINES,
    )


def _kind(text: str, in_hunk: bool) -> LineKind:
    """Within a hunk a line's first character says all: a removed line may well begin with `--- `."""
    if text.startswith("diff --git ") or (not in_hunk and not text.startswith("@@")):
        return LineKind.FILE
    match text[:1]:
        case "@":
            return LineKind.HUNK
        case "+":
            return LineKind.ADDED
        case "-":
            return LineKind.REMOVED
    return LineKind.SAME
