"""The history of a configuration: what each commit was, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hive_rpc.configuration import Commit

_FATES = {
    "proposal": "proposed",
    "approved": "approved",
    "denied": "denied",
    "failed": "failed",
    "deployed": "deployed",
}
"""Tags and their words; of several of one approval the later one here is what it came to."""


@dataclass(frozen=True)
class Fate:
    words: str
    approval: str


@dataclass(frozen=True)
class CommitView:
    sha: str
    before: str
    """The commit below it in the history; empty for the first."""
    subject: str
    author: str
    at: datetime
    fates: tuple[Fate, ...]
    """Of each approval that was about it, what it came to."""


def commit_views(commits: Sequence[Commit]) -> list[CommitView]:
    """Newest first, as they come."""
    below = [*(commit.sha for commit in commits), ""][1:]
    return [
        CommitView(c.sha, before, c.subject, c.author, c.at, _fates(c.tags))
        for c, before in zip(commits, below, strict=True)
    ]


def _fates(tags: Sequence[str]) -> tuple[Fate, ...]:
    known = list(_FATES)
    came_to: dict[str, str] = {}
    for tag in tags:
        what, _, approval = tag.partition("/")
        if what in _FATES and known.index(what) >= known.index(came_to.get(approval, what)):
            came_to[approval] = what
    return tuple(Fate(_FATES[what], approval) for approval, what in sorted(came_to.items()))
