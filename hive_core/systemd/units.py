"""The states of watched units, put together from systemd's signals: each state is told once.

A change of a service comes as two PropertiesChanged signals, first of the service's interface, then of the unit's
(systemd promises that order), each with every property that announces changes, and often several times.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hive_core.systemd.models import PROPERTIES, UnitState, unit_state


class Units:
    """The units whose name begins with one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._properties: dict[str, dict[str, Any]] = {}
        self._told: dict[str, UnitState] = {}
        self._news: dict[str, int] = {}
        self._watchers: set[asyncio.Queue[UnitState]] = set()

    @contextmanager
    def watcher(self) -> Iterator[asyncio.Queue[UnitState]]:
        """A queue that gets what is known now and every change from now on."""
        queue: asyncio.Queue[UnitState] = asyncio.Queue()
        for state in self._told.values():
            queue.put_nowait(state)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def known(self) -> list[str]:
        return list(self._told)

    def changed(self, unit: str, properties: Mapping[str, Any], *, complete: bool) -> None:
        """A signal's properties; `complete` when no other signal belongs to the same change."""
        self._news[unit] = self.news(unit) + 1
        have = self._properties.setdefault(unit, {})
        have.update({name: value for name, value in properties.items() if name in PROPERTIES})
        if complete and len(have) == len(PROPERTIES):
            self._tell(unit_state(unit, have))

    def news(self, unit: str) -> int:
        """How many signals of this unit were handled so far."""
        return self._news.get(unit, 0)

    def read(self, unit: str, properties: Mapping[str, Any], *, asked_at: int) -> None:
        """Properties that were asked for when `news` was `asked_at`; a signal that came meanwhile is newer."""
        if self.news(unit) == asked_at:
            self.changed(unit, properties, complete=True)

    def _tell(self, state: UnitState) -> None:
        if self._told.get(state.unit) == state:
            return
        self._told[state.unit] = state
        for queue in self._watchers:
            queue.put_nowait(state)
