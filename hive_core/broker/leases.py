"""Leases: what runs in the writer's thread when a harness receives, renews, acknowledges or vanishes.

ready ── receive ──▶ leased ── ack ──▶ done
  ▲                    │
  └── expiry, nack, ───┤  attempts + 1
      new instance,    └──▶ dead, after `max_attempts`
      container's death
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import itemgetter

from hive_core.broker.rows import fitting, message
from hive_core.broker.sending import SQL
from hive_rpc.errors import ConflictError, InstanceReplacedError
from hive_rpc.types import Message

EXPIRED = "The lease ran out: the harness neither renewed nor acknowledged it in time."
NEW_INSTANCE = "The harness was restarted while it was being worked on."
CONTAINER_DIED = "The container ended while it was being worked on."


@dataclass(frozen=True)
class Taken:
    """The outcome of a receive."""

    messages: Sequence[Message]
    next_expiry_ms: int | None
    """When a lease of this agent runs out next, if any."""


def check_instance(connection: sqlite3.Connection, agent: str, instance: str | None) -> str:
    """The instance to act for: the given one if it is the current one, and the current one if none is given."""
    row = connection.execute(SQL.current_instance, {"agent": agent}).fetchone()
    if instance is None:
        if row is None:
            raise ConflictError(f"No harness of {agent} is there.", hint="Call Hello first.")
        return str(row["instance"])
    if row is not None and row["instance"] == instance:
        return instance
    known = connection.execute(SQL.known_instance, {"agent": agent, "instance": instance}).fetchone()
    if known is None:
        raise ConflictError(f"The harness instance {instance} has not said hello.", hint="Call Hello first.")
    raise InstanceReplacedError(f"Another harness instance has taken over {agent}.", hint="End this one.")


def hello(connection: sqlite3.Connection, agent: str, instance: str, now_ms: int, max_attempts: int) -> bool:
    """Make the instance the agent's current one. True when it took over: leases of the one before were returned."""
    known = connection.execute(SQL.known_instance, {"agent": agent, "instance": instance}).fetchone()
    if known is not None:
        if known["replaced_at"] is not None:
            raise InstanceReplacedError(f"Another harness instance has taken over {agent}.", hint="End this one.")
        return False
    connection.execute(SQL.replace_instances, {"agent": agent, "now": now_ms})
    connection.execute(SQL.add_instance, {"agent": agent, "instance": instance, "now": now_ms})
    release_all(connection, agent, NEW_INSTANCE, now_ms, max_attempts)
    return True


def container_died(connection: sqlite3.Connection, agent: str, now_ms: int, max_attempts: int) -> None:
    connection.execute(SQL.replace_instances, {"agent": agent, "now": now_ms})
    release_all(connection, agent, CONTAINER_DIED, now_ms, max_attempts)


def take(
    connection: sqlite3.Connection,
    agent: str,
    instance: str | None,
    limit: int,
    now_ms: int,
    lease_ms: int,
    max_attempts: int,
    held: Collection[str] | None = None,
) -> Taken:
    """Lease the oldest waiting messages, as many as fit into a frame, and what got lost on its way to the holder."""
    holder = check_instance(connection, agent, instance)
    expired = connection.execute(SQL.expired_of, {"agent": agent, "now": now_ms}).fetchall()
    give_back(connection, expired, EXPIRED, now_ms, max_attempts, keep_holder=True)
    lease: dict[str, object] = {"agent": agent, "instance": holder, "expires_at": now_ms + lease_ms}
    lost = _lost(connection, lease, held) if held is not None else []
    ready = connection.execute(SQL.ready, {"agent": agent, "limit": limit})
    rows = fitting(islice(merge(lost, ready, key=itemgetter("seq")), limit))
    if rows:
        last = rows[-1]["seq"]
        connection.execute(SQL.lease_up_to, {**lease, "seq": last})
        for row in lost:
            if row["seq"] <= last:
                connection.execute(SQL.renew, {"seq": row["seq"], "expires_at": lease["expires_at"]})
        return Taken([message(row) for row in rows], None)
    return Taken((), connection.execute(SQL.next_expiry, {"agent": agent}).fetchone()[0])


def _lost(connection: sqlite3.Connection, lease: dict[str, object], held: Collection[str]) -> list[sqlite3.Row]:
    """What is leased to the holder although it does not have it: core died, or the line broke, before it got there.

    What it has and whose lease ran out becomes its own again, so that it is not handed what it is working on.
    """
    for message_id in held:
        connection.execute(SQL.lease_again, {**lease, "id": message_id})
    return [row for row in connection.execute(SQL.leased_to_instance, lease) if row["id"] not in held]


def renew(
    connection: sqlite3.Connection, agent: str, instance: str | None, ids: Sequence[str], expires_ms: int
) -> list[str]:
    """Those of the ids that are leased to the instance, now until `expires_ms`."""
    holder = check_instance(connection, agent, instance)
    renewed = []
    for message_id in ids:
        row = connection.execute(SQL.delivery, {"id": message_id, "agent": agent}).fetchone()
        if row is not None and row["state"] == "leased" and row["instance"] == holder:
            connection.execute(SQL.renew, {"seq": row["seq"], "expires_at": expires_ms})
            renewed.append(message_id)
    return renewed


def ack(connection: sqlite3.Connection, agent: str, instance: str | None, ids: Sequence[str], now_ms: int) -> list[str]:
    """Settle messages; returns those that are done now or were before.

    One whose lease ran out, but which was not handed out again, is still its last holder's to acknowledge: the work
    is done (a suspended machine wakes up with every lease expired), and doing it twice would help nobody.
    """
    holder = check_instance(connection, agent, instance)
    acked = []
    for message_id in ids:
        row = connection.execute(SQL.delivery, {"id": message_id, "agent": agent}).fetchone()
        if row is None:
            continue
        if row["state"] != "done":
            if row["instance"] != holder:
                continue
            connection.execute(SQL.settle, {"seq": row["seq"], "state": "done", "now": now_ms})
        acked.append(message_id)
    return acked


def nack(
    connection: sqlite3.Connection,
    agent: str,
    instance: str | None,
    ids: Sequence[str],
    reason: str,
    now_ms: int,
    max_attempts: int | None,
) -> None:
    """Give back those of the ids that are leased to the instance. Without `max_attempts` it was no attempt."""
    holder = check_instance(connection, agent, instance)
    # Each id once: the attempts of one that is named twice must not count twice.
    rows = [connection.execute(SQL.delivery, {"id": i, "agent": agent}).fetchone() for i in dict.fromkeys(ids)]
    held = [row for row in rows if row is not None and row["state"] == "leased" and row["instance"] == holder]
    give_back(connection, held, reason, now_ms, max_attempts)


def expire_all(connection: sqlite3.Connection, now_ms: int, max_attempts: int) -> tuple[set[str], int | None]:
    """Return every message whose lease ran out. Gives the agents concerned, and when the next lease runs out."""
    rows = connection.execute(SQL.expired, {"now": now_ms}).fetchall()
    give_back(connection, rows, EXPIRED, now_ms, max_attempts, keep_holder=True)
    return {row["recipient"] for row in rows}, connection.execute(SQL.next_expiry_of_all).fetchone()[0]


def release_all(connection: sqlite3.Connection, agent: str, reason: str, now_ms: int, max_attempts: int) -> None:
    """Return everything that the agent holds, and let nobody acknowledge what expired before."""
    rows = connection.execute(SQL.leased_to_agent, {"agent": agent}).fetchall()
    give_back(connection, rows, reason, now_ms, max_attempts)
    connection.execute(SQL.forget_holder, {"agent": agent})


def give_back(
    connection: sqlite3.Connection,
    rows: Iterable[sqlite3.Row],
    reason: str,
    now_ms: int,
    max_attempts: int | None,
    *,
    keep_holder: bool = False,
) -> None:
    """One attempt more for each; a message that has used up its attempts becomes a dead letter.

    Without `max_attempts` none is counted: what stood in the way was not the message's doing.
    """
    for row in rows:
        dead = max_attempts is not None and row["attempts"] + 1 >= max_attempts
        connection.execute(
            SQL.give_back,
            {
                "seq": row["seq"],
                "state": "dead" if dead else "ready",
                "attempt": int(max_attempts is not None),
                "reason": reason,
                "instance": row["instance"] if keep_holder else None,
                "settled_at": now_ms if dead else None,
            },
        )
