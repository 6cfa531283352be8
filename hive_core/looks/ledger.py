"""Named values, each with the number of its last change: whoever saw the others need not see them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from hive_rpc.interfaces.operator import LookItem, LookKeys, LookKind
from hive_rpc.types import Model

MAX_BYTES = 640 * 1024
"""Of JSON in UTF-8 in one answer, so that it fits into a frame."""


@dataclass(frozen=True)
class _Entry:
    version: int
    size: int
    item: LookItem | LookKeys


@dataclass(frozen=True)
class News:
    """What is other than at some version; complete up to `version`."""

    items: Sequence[LookItem]
    keys: Sequence[LookKeys]
    version: int
    more: bool


class Ledger:
    """Values by kind and key."""

    def __init__(self) -> None:
        self._entries: dict[tuple[LookKind, str | None], _Entry] = {}
        """By version. Without a key: the kind's keys, in their order."""
        self.version = 0

    def put(self, kind: LookKind, key: str, value: Model) -> None:
        known = self._entries.get((kind, key))
        if known is not None and getattr(known.item, kind.value) == value:
            return
        self.version += 1
        item = LookItem.model_validate({"version": self.version, "kind": kind, "key": key, kind.value: value})
        self._enter(kind, key, len(item.model_dump_json().encode()), item)

    def order(self, kind: LookKind, keys: Sequence[str]) -> None:
        """All that there are; what else was known is forgotten."""
        known = self._entries.get((kind, None))
        if known is not None and isinstance(known.item, LookKeys) and known.item.keys == list(keys):
            return
        self.version += 1
        size = sum(len(key.encode()) + 4 for key in keys)
        self._enter(kind, None, size, LookKeys(version=self.version, kind=kind, keys=list(keys)))
        wanted = {None, *keys}
        for key in [key for key in self._entries if key[0] is kind and key[1] not in wanted]:
            del self._entries[key]

    def since(self, version: int) -> News:
        """What changed after it, in the order of the changes, as far as it fits into one answer."""
        fresh = list(takewhile(lambda entry: entry.version > version, reversed(self._entries.values())))[::-1]
        size, fitting = 0, 0
        for entry in fresh:
            size += entry.size
            if fitting and size > MAX_BYTES:
                break
            fitting += 1
        told = [entry.item for entry in fresh[:fitting]]
        more = fitting < len(fresh)
        return News(
            items=[item for item in told if isinstance(item, LookItem)],
            keys=[item for item in told if isinstance(item, LookKeys)],
            version=told[-1].version if more else self.version,
            more=more,
        )

    def _enter(self, kind: LookKind, key: str | None, size: int, item: LookItem | LookKeys) -> None:
        self._entries.pop((kind, key), None)
        self._entries[kind, key] = _Entry(item.version, size, item)
