"""Telling whoever asked what became of it, in the transaction in which it is decided."""

import sqlite3
from collections.abc import Iterable

from hive_core.approvals import rows
from hive_core.broker import sending
from hive_core.operators.audit import Actor
from hive_rpc.configuration import Approval, ApprovalKind, ApprovalState
from hive_rpc.types import SYSTEM, Message

AGENT_SOCKET = "core.sock"
"""`Actor.via` of an agent; everybody else who asks is a person, and has the dashboard."""
_LOG_BYTES = 6000

_SUBJECTS = {
    ApprovalKind.SPAWN: "a new agent {agent}",
    ApprovalKind.APPLY_CONFIG: "another configuration of {agent}",
    ApprovalKind.UPDATE_INPUTS: "an update of the inputs",
    ApprovalKind.DESTROY: "the end of {agent}",
}


def outcome(connection: sqlite3.Connection, ended: Approval, log: str, now_ms: int) -> list[Message]:
    """The messages to the agents that asked."""
    subject = _SUBJECTS[ended.kind].format(agent=ended.agent)
    lines = [f"Your request {ended.id} for {subject} {_words(ended)}"]
    if ended.note:
        lines += ["", f"The note: {ended.note}"]
    if ended.state is ApprovalState.FAILED:
        lines += ["", "The log:", log[-_LOG_BYTES:].strip()]
    return tell(connection, rows.askers(connection, ended.id), "\n".join(lines), f"{ended.id}/{ended.state}", now_ms)


def tell(connection: sqlite3.Connection, askers: Iterable[Actor], body: str, key: str, now_ms: int) -> list[Message]:
    """Store a message of the hive's to each agent among them; doing it again with the same key stores nothing."""
    told: list[Message] = []
    for name in (asker.name for asker in askers if asker.via == AGENT_SOCKET):
        draft = sending.Draft(
            sender=SYSTEM,
            recipients=(name,),
            body=body,
            key=f"{key}/{name}",
            in_reply_to=None,
            automatic=False,
            broadcast=False,
        )
        told += sending.store(connection, draft, now_ms).messages
    return told


def _words(ended: Approval) -> str:
    match ended.state:
        case ApprovalState.DEPLOYED:
            return f"was approved by {ended.decided_by} and carried out."
        case ApprovalState.FAILED:
            return f"was approved by {ended.decided_by}, but failed and was taken back: {ended.error}"
        case ApprovalState.DENIED:
            return f"was denied by {ended.decided_by}."
        case ApprovalState.EXPIRED:
            return "was not decided in time, which means no."
        case other:
            return f"is {other}."
