"""Named values, each with the number of its last change: whoever saw the others need not see them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from hive_rpc.interfaces.operator.look import LookItem, LookKeys, LookKind
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


NOTHING = News(items=(), keys=(), version=0, more=False)


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
        # As they are: core made both.
        shown: dict[str, Any] = {kind.value: value}
        item = LookItem.model_construct(version=self.version, kind=kind, key=key, **shown)
        self._enter(kind, key, len(item.__pydantic_serializer__.to_json(item, exclude_none=True)), item)

    def order(self, kind: LookKind, keys: Sequence[str]) -> None:
        """All that there are, each of which was put; what else was known is forgotten."""
        known, now = self._entries.get((kind, None)), list(keys)
        before = known.item.keys if known is not None and isinstance(known.item, LookKeys) else None
        if before == now:
            return
        self.version += 1
        item = LookKeys.model_construct(version=self.version, kind=kind, keys=now)
        self._enter(kind, None, len(item.__pydantic_serializer__.to_json(item)), item)
        for gone in set(before or ()).difference(now):
            self._entries.pop((kind, gone), None)

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
