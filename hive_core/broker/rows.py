"""From rows to what goes over the wire."""

import json
import sqlite3
from collections.abc import Iterable

from hive_core.store import from_ms
from hive_rpc.types import MAX_FRAME, Message

PAGE_BYTES = MAX_FRAME - 64 * 1024
"""What the bodies of one reply may take as JSON, so that the reply fits into a frame."""


def message(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        sender=row["sender"],
        recipient=row["recipient"],
        body=row["body"],
        in_reply_to=row["in_reply_to"],
        sent_at=from_ms(row["sent_at"]),
        attempts=row["attempts"],
        redelivered=row["reason"] is not None,
        redelivery_reason=row["reason"],
        broadcast=row["broadcast"] is not None,
        automatic=bool(row["automatic"]),
    )


def fitting(rows: Iterable[sqlite3.Row]) -> list[sqlite3.Row]:
    """The first rows whose bodies fit into one frame together; always at least one."""
    kept: list[sqlite3.Row] = []
    size = 0
    for row in rows:
        size += _json_bytes(row["body"]) + 512
        if kept and size > PAGE_BYTES:
            break
        kept.append(row)
    return kept


def _json_bytes(body: str) -> int:
    # JSON makes at most six bytes of one, and most bodies are short: measure only where it could matter.
    upper_bound = 6 * len(body)
    return upper_bound if upper_bound < 4096 else len(json.dumps(body, ensure_ascii=False).encode())
