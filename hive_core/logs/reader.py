"""A container's entries in the host's journal. Blocks: for a thread of its own, the only one that may touch it
(sd-journal(3) allows no other)."""

from typing import Any

from systemd import journal

from hive_core.containers.models import unit_of
from hive_core.logs.lines import log_line
from hive_rpc.logs import LogLine

MAX_PAGE_BYTES = 256 * 1024
"""UTF-8 of a page's lines; a container writes lines of up to 48 KiB."""
MAX_TAIL_BYTES = 8 * 1024 * 1024
_AT_ONCE = 500
"""Lines read between two looks at whether anybody still wants them."""


class UnitReader:
    """What the unit of `machine` wrote and what systemd said of it; with `invocation`, only what that run wrote."""

    def __init__(self, machine: str, invocation: str | None = None) -> None:
        self._machine = machine
        self._reader: Any = journal.Reader(flags=journal.LOCAL_ONLY)
        unit = unit_of(machine)
        self._reader.add_match(_SYSTEMD_UNIT=unit)
        if invocation is not None:
            self._reader.add_match(_SYSTEMD_INVOCATION_ID=invocation)
        else:
            self._reader.add_disjunction()
            self._reader.add_match(_PID="1", UNIT=unit)

    def watch(self) -> int:
        """Begin to watch for new entries; the descriptor becomes readable when there may be some."""
        return int(self._reader.fileno())

    def acknowledge(self) -> None:
        """Make the descriptor unreadable until there is more."""
        self._reader.process()

    def last(self, lines: int) -> list[LogLine]:
        """The last lines, oldest first; `next` goes on behind them."""
        self._reader.seek_tail()
        found: list[LogLine] = []
        size = 0
        while len(found) < lines and size <= MAX_TAIL_BYTES and (entry := self._reader.get_previous()):
            found.append(log_line(entry, self._machine))
            size += len(found[-1].text.encode())
        # Back to the end: at the tail, behind the last entry, "next" would be what was there already.
        self._reader.seek_tail()
        self._reader.get_previous()
        return found[::-1]

    def before(self, cursor: str | None, lines: int) -> tuple[list[LogLine], str | None]:
        """Lines older than the entry of `cursor` (None: the last ones), oldest first, and the cursor of the oldest.

        That cursor is None when there is nothing older. Raises OSError or ValueError for what is no cursor.
        """
        if cursor is None:
            self._reader.seek_tail()
        else:
            self._reader.seek_cursor(cursor)
            # Seeking puts us between two entries; the first one that is read backwards may be the cursor's own.
        found: list[LogLine] = []
        size = 0
        oldest: str | None = None
        while entry := self._reader.get_previous():
            if entry["__CURSOR"] == cursor:
                continue
            if len(found) == lines or size > MAX_PAGE_BYTES:
                return found[::-1], oldest
            found.append(log_line(entry, self._machine))
            size += len(found[-1].text.encode())
            oldest = entry["__CURSOR"]
        return found[::-1], None

    def next(self) -> list[LogLine]:
        """Further lines, at most a few hundred; an empty list when there are none yet."""
        found: list[LogLine] = []
        while len(found) < _AT_ONCE and (entry := self._reader.get_next()):
            found.append(log_line(entry, self._machine))
        return found

    def close(self) -> None:
        self._reader.close()
