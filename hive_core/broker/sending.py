"""Storing messages: what runs in the writer's thread when somebody sends."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hive_base.ids import new_id
from hive_core.store import Queries, from_ms
from hive_rpc.errors import InboxFullError
from hive_rpc.types import OPERATOR, Message

SQL = Queries("hive_core.broker")


@dataclass(frozen=True)
class Draft:
    """A message that has passed every check that needs no database."""

    sender: str
    recipients: Sequence[str]
    body: str
    key: str | None
    in_reply_to: str | None
    automatic: bool
    broadcast: bool


@dataclass(frozen=True)
class Sent:
    """What was stored. `messages` is empty when the key had been used before."""

    id: str
    messages: Sequence[Message]


@dataclass(frozen=True)
class _Reference:
    id: str
    thread: str


def store(connection: sqlite3.Connection, draft: Draft, now_ms: int, *, max_unread: int | None = None) -> Sent:
    """Store one row for each recipient. A broadcast's id is one of its own, which every row carries.

    With `max_unread`, nothing is stored when so many of the sender's messages wait for one of the recipients. Raises
    InboxFullError.
    """
    if draft.key is not None:
        earlier = connection.execute(SQL.by_key, {"sender": draft.sender, "key": draft.key}).fetchone()
        if earlier is not None:
            return Sent(earlier["id"], ())
    if max_unread is not None:
        _check_inboxes(connection, draft, max_unread)
    reference = _reference(connection, draft)
    group = new_id("msg") if draft.broadcast else None
    messages = []
    for position, recipient in enumerate(draft.recipients):
        message_id = new_id("msg")
        seq = connection.execute(
            SQL.insert_message,
            {
                "id": message_id,
                "sender": draft.sender,
                "recipient": recipient,
                "body": draft.body,
                "in_reply_to": reference.id if reference else None,
                "thread": reference.thread if reference else group,
                "broadcast": group,
                "automatic": draft.automatic,
                # The key is unique, and finding one row of a broadcast is finding it.
                "key": draft.key if position == 0 else None,
                "sent_at": now_ms,
            },
        ).lastrowid
        # Operators hold no leases: what is sent to them is delivered.
        state, settled_at = ("done", now_ms) if recipient == OPERATOR else ("ready", None)
        connection.execute(
            SQL.insert_delivery,
            {
                "seq": seq,
                "sender": draft.sender,
                "recipient": recipient,
                "state": state,
                "settled_at": settled_at,
            },
        )
        messages.append(
            Message(
                id=message_id,
                sender=draft.sender,
                recipient=recipient,
                body=draft.body,
                in_reply_to=reference.id if reference else None,
                sent_at=from_ms(now_ms),
                broadcast=draft.broadcast,
                automatic=draft.automatic,
            )
        )
    return Sent(group or messages[0].id, messages)


def _check_inboxes(connection: sqlite3.Connection, draft: Draft, limit: int) -> None:
    full = [
        recipient
        for recipient in draft.recipients
        if connection.execute(SQL.is_full, {"recipient": recipient, "sender": draft.sender, "limit": limit}).fetchone()
    ]
    if not full:
        return
    hint = "Say it later, when some are read; put what belongs together into one message, or into a file in /shared."
    if draft.broadcast:
        hint = f"Nobody got this. Write to the others one by one. {hint}"
    raise InboxFullError(
        f"{limit} messages of {draft.sender} wait unread for {', '.join(full)}, and more are not taken.",
        hint=hint,
        limit=limit,
    )


def _reference(connection: sqlite3.Connection, draft: Draft) -> _Reference | None:
    """What this message replies to.

    A reference is kept only if the message exists and the sender could see it. An agent that writes to the operator
    without one is taken to answer the oldest operator's message that it works on and has not answered yet: models
    forget the id, and `hive send --wait` is there waiting for it.
    """
    if draft.in_reply_to is not None:
        row = connection.execute(SQL.referenced, {"id": draft.in_reply_to}).fetchone()
        if row is None or draft.sender not in (OPERATOR, row["sender"], row["recipient"]):
            return None
    elif draft.recipients == (OPERATOR,) and draft.sender != OPERATOR:
        row = connection.execute(SQL.unanswered, {"agent": draft.sender, "operator": OPERATOR}).fetchone()
        if row is None:
            return None
    else:
        return None
    return _Reference(row["id"], row["thread"] or row["id"])
