"""Telling whoever asked what became of it, in the transaction in which it is decided."""

import sqlite3

from hive_core.broker import sending
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


def outcome(
    connection: sqlite3.Connection, found: sqlite3.Row, ended: Approval, log: str, now_ms: int
) -> list[Message]:
    """The message to the agent that asked; none when a person did."""
    if found["requested_via"] != AGENT_SOCKET:
        return []
    subject = _SUBJECTS[ended.kind].format(agent=ended.agent)
    lines = [f"Your request {ended.id} for {subject} {_words(ended)}"]
    if ended.note:
        lines += ["", f"The note: {ended.note}"]
    if ended.state is ApprovalState.FAILED:
        lines += ["", "The log:", log[-_LOG_BYTES:].strip()]
    return tell(connection, ended.requested_by, "\n".join(lines), f"{ended.id}/{ended.state}", now_ms)


def tell(connection: sqlite3.Connection, to: str, body: str, key: str, now_ms: int) -> list[Message]:
    """Store a message of the hive's; doing it again with the same key stores nothing."""
    draft = sending.Draft(
        sender=SYSTEM, recipients=(to,), body=body, key=key, in_reply_to=None, automatic=False, broadcast=False
    )
    return list(sending.store(connection, draft, now_ms).messages)


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
