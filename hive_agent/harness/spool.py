"""Events on disk for a core that is away: JSON lines in the harness's own directory, which the model cannot open."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from hive_rpc.types import Event

MAX_BYTES = 16 * 1024 * 1024
"""When the file would grow over this, it is written anew with what is still wanted."""


class Spool:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._size: int | None = None

    async def load(self) -> list[Event]:
        """What an earlier harness left. A last line that was cut off by its death is left out."""
        return await asyncio.to_thread(self._load)

    async def append(self, events: Sequence[Event], *, wanted: Sequence[Event]) -> None:
        """Keep these too. `wanted` is everything to be kept, for when the file has to be written anew."""
        await asyncio.to_thread(self._append, events, wanted)

    async def clear(self) -> None:
        if self._size != 0:
            await asyncio.to_thread(self._path.unlink, missing_ok=True)
            self._size = 0

    def _load(self) -> list[Event]:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        events = []
        for line in lines:
            try:
                events.append(Event.model_validate_json(line))
            except ValidationError:
                continue
        return events

    def _append(self, events: Sequence[Event], wanted: Sequence[Event]) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        data = _lines(events)
        if size + len(data) <= MAX_BYTES:
            with self._path.open("ab") as file:
                file.write(data)
        else:
            new = self._path.with_suffix(".new")
            new.write_bytes(_lines(wanted))
            new.replace(self._path)
        self._size = None


def _lines(events: Sequence[Event]) -> bytes:
    return b"".join(event.model_dump_json().encode() + b"\n" for event in events)
