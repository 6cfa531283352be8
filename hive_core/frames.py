"""Keeping replies within one frame, whatever the things in them have grown to."""

from collections.abc import Iterable
from typing import TypeVar

from hive_rpc.types import MAX_FRAME, Model

M = TypeVar("M", bound=Model)

LIST_BYTES = MAX_FRAME // 4
"""For one list in a reply that may have three of them."""


def fitting(items: Iterable[M], limit: int = LIST_BYTES) -> list[M]:
    """The first items that take at most `limit` bytes of JSON together; always at least one."""
    kept: list[M] = []
    size = 0
    for item in items:
        size += len(item.model_dump_json().encode()) + 1
        if kept and size > limit:
            break
        kept.append(item)
    return kept
