"""A way for tests and benches to observe the requests that reach the stand-in. Agents never get to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Seen:
    """One request."""

    at: float
    """CLOCK_MONOTONIC in seconds when its headers had arrived, comparable between processes of one machine."""
    agent: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    body: bytes


class Recorder(Protocol):
    def saw(self, seen: Seen) -> None: ...


class Nothing:
    """Records nothing."""

    def saw(self, seen: Seen) -> None:
        pass


class File:
    """Appends one JSON line a request with its time and size, flushed at once; no headers, no text."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def saw(self, seen: Seen) -> None:
        self._file.write(json.dumps({"monotonic": seen.at, "path": seen.path, "bytes": len(seen.body)}) + "\n")
