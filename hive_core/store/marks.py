"""What commits have touched, for whoever keeps something that was made of the database up to date.

Triggers of the writing connection say it (`touches/*.sql`), so no code that writes can forget to. A mark is there
when its commit is, and before anybody who waited for the commit goes on.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from typing import NamedTuple


class Mark(NamedTuple):
    what: str
    whose: str
    """The agent; empty where that makes no difference."""


class Marks:
    """One per database. The writer's thread touches and publishes, the loop's takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[Mark] = set()
        self._committed: set[Mark] = set()
        self._counts: Counter[Mark] = Counter()

    def install(self, connection: sqlite3.Connection, schema: str) -> None:
        """Have the connection's writes tell of themselves."""
        connection.create_function("touched", 2, self._touch)
        script = resources.files("hive_core.store").joinpath("touches", f"{schema}.sql")
        connection.executescript(script.read_text(encoding="utf-8"))

    def publish(self) -> None:
        """What was touched since the last time is committed."""
        with self._lock:
            self._committed |= self._under_way
            self._counts.update(self._under_way)
        self._under_way.clear()

    def discard(self) -> None:
        """What was touched since the last time is undone."""
        self._under_way.clear()

    def take(self) -> set[Mark]:
        """What was touched since it was taken last."""
        with self._lock:
            taken, self._committed = self._committed, set()
        return taken

    def give_back(self, marks: Iterable[Mark]) -> None:
        """What was taken could not be looked at."""
        with self._lock:
            self._committed.update(marks)

    def count(self, what: str, whose: str = "") -> int:
        """Another number after a commit that touched it."""
        return self._counts[Mark(what, whose)]

    def _touch(self, what: str, whose: str) -> None:
        self._under_way.add(Mark(what, whose))
