"""Between events and their rows. A row holds the wire's JSON without id and agent, which are columns."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hive_core.store import Queries, to_ms
from hive_rpc.types import Event, EventKind, Turn, TurnOutcome

SQL = Queries("hive_core.events")
MAX_EVENT = 512 * 1024
"""Bytes of JSON of a whole event: texts of control characters grow sixfold on their way."""
_COLUMNS = {"id", "agent"}


@dataclass(frozen=True)
class Record:
    """An event on its way into the table."""

    agent: str
    sequence: int
    json: str
    size: int
    """Bytes that it takes in the table."""
    turn: Turn | None


def record(agent: str, event: Event) -> Record:
    """The row of an event; one that is too large, although its texts are cut, becomes a notice that says so."""
    json = event.model_dump_json(exclude=_COLUMNS, exclude_defaults=True)
    size = len(json.encode())
    if size > MAX_EVENT:
        text = f"[left out: an event of kind {event.kind} with {size} bytes; {MAX_EVENT} is the limit]"
        return record(agent, Event(kind=EventKind.NOTICE, at=event.at, sequence=event.sequence, text=text))
    has_turn = event.kind in (EventKind.TURN_STARTED, EventKind.TURN_ENDED)
    return Record(agent=agent, sequence=event.sequence, json=json, size=size, turn=event.turn if has_turn else None)


def store(
    connection: sqlite3.Connection, instance: str | None, records: Sequence[Record], now_ms: int
) -> list[int | None]:
    """Store events in order; returns their ids, None for those that were there before."""
    ids: list[int | None] = []
    sizes: dict[str, int] = {}
    for item in records:
        row = connection.execute(
            SQL.add,
            {
                "agent": item.agent,
                "instance": instance,
                "sequence": item.sequence,
                "at": now_ms,
                "event": item.json,
            },
        ).fetchone()
        ids.append(row["id"] if row is not None else None)
        if row is None:
            continue
        sizes[item.agent] = sizes.get(item.agent, 0) + item.size
        if item.turn is not None:
            _store_turn(connection, item.agent, instance, item.turn)
    for agent, size in sizes.items():
        connection.execute(SQL.add_bytes, {"agent": agent, "bytes": size})
    return ids


def kept_bytes(connection: sqlite3.Connection, agent: str) -> int:
    row = connection.execute(SQL.kept_bytes, {"agent": agent}).fetchone()
    return int(row["bytes"]) if row is not None else 0


def evict(connection: sqlite3.Connection, agent: str, at_least: int) -> tuple[int, int]:
    """Delete the agent's oldest events, 500 at most, until so many bytes are gone. Returns count and bytes."""
    count = size = 0
    last = None
    for row in connection.execute(SQL.oldest, {"agent": agent, "limit": 500}):
        if size >= at_least:
            break
        count, size, last = count + 1, size + row["size"], row["id"]
    if last is not None:
        connection.execute(SQL.delete_up_to, {"agent": agent, "id": last})
        connection.execute(SQL.add_bytes, {"agent": agent, "bytes": -size})
    return count, size


def end_left_turns(connection: sqlite3.Connection, agent: str, instance: str | None, now: datetime) -> list[int]:
    """End turns of the agent that run and that this instance of its harness did not begin, 200 at most, and all where
    there is no instance. Returns the ids of the events that tell it.
    """
    records = []
    for row in connection.execute(SQL.left_running, {"agent": agent, "instance": instance, "limit": 200}):
        turn = Turn.model_validate_json(row["turn"]).model_copy(
            update={"ended_at": now, "outcome": TurnOutcome.CRASHED, "error": "the harness ended in this turn"}
        )
        records.append(record(agent, Event(kind=EventKind.TURN_ENDED, at=now, turn_id=turn.id, turn=turn)))
    return [event_id for event_id in store(connection, None, records, to_ms(now)) if event_id is not None]


def _store_turn(connection: sqlite3.Connection, agent: str, instance: str | None, turn: Turn) -> None:
    connection.execute(
        SQL.upsert_turn,
        {
            "agent": agent,
            "id": turn.id,
            "started_at": to_ms(turn.started_at),
            "ended_at": to_ms(turn.ended_at) if turn.ended_at is not None else None,
            "outcome": turn.outcome,
            "turn": turn.model_dump_json(exclude_defaults=True),
            "instance": instance,
        },
    )


def event(row: sqlite3.Row) -> Event:
    return Event.model_validate_json(row["event"]).model_copy(update={"id": row["id"], "agent": row["agent"]})


def fitting(rows: Iterable[sqlite3.Row], limit: int) -> list[Event]:
    """The first events that take at most `limit` bytes together; always at least one."""
    kept: list[Event] = []
    size = 0
    for row in rows:
        size += len(row["event"].encode()) + 128
        if kept and size > limit:
            break
        kept.append(event(row))
    return kept
