"""Approvals as rows and as models."""

import sqlite3
from typing import Any

from pydantic import TypeAdapter

from hive_core.operators.audit import Actor
from hive_core.store import Queries, from_ms
from hive_rpc.configuration import (
    ApplyConfigPayload,
    Approval,
    ApprovalKind,
    ApprovalState,
    DestroyPayload,
    SpawnPayload,
    UpdateInputsPayload,
)
from hive_rpc.errors import NotFoundError

SQL = Queries("hive_core.approvals")

Payload = SpawnPayload | ApplyConfigPayload | UpdateInputsPayload | DestroyPayload
_TYPES: dict[ApprovalKind, TypeAdapter[Any]] = {
    ApprovalKind.SPAWN: TypeAdapter(SpawnPayload),
    ApprovalKind.APPLY_CONFIG: TypeAdapter(ApplyConfigPayload),
    ApprovalKind.UPDATE_INPUTS: TypeAdapter(UpdateInputsPayload),
    ApprovalKind.DESTROY: TypeAdapter(DestroyPayload),
}


def kind_of(payload: Payload) -> ApprovalKind:
    match payload:
        case SpawnPayload():
            return ApprovalKind.SPAWN
        case ApplyConfigPayload():
            return ApprovalKind.APPLY_CONFIG
        case UpdateInputsPayload():
            return ApprovalKind.UPDATE_INPUTS
        case DestroyPayload():
            return ApprovalKind.DESTROY


def row(connection: sqlite3.Connection, approval_id: str) -> sqlite3.Row:
    found: sqlite3.Row | None = connection.execute(SQL.get, {"id": approval_id}).fetchone()
    if found is None:
        raise NotFoundError(f"There is no approval {approval_id}.", hint="`hive approvals --all` lists them.")
    return found


def get(connection: sqlite3.Connection, approval_id: str) -> Approval:
    return approval(row(connection, approval_id))


def askers(connection: sqlite3.Connection, approval_id: str) -> list[Actor]:
    """Everybody who asked for it."""
    return [Actor(row["name"], row["via"]) for row in connection.execute(SQL.askers, {"id": approval_id})]


def approval(found: sqlite3.Row) -> Approval:
    kind = ApprovalKind(found["kind"])
    return Approval(
        id=found["id"],
        kind=kind,
        agent=found["agent"],
        state=ApprovalState(found["state"]),
        reason=found["reason"],
        requested_by=found["requested_by"],
        requested_at=from_ms(found["requested_at"]),
        expires_at=from_ms(found["expires_at"]),
        decided_by=found["decided_by"],
        decided_via=found["decided_via"],
        decided_at=from_ms(found["decided_at"]) if found["decided_at"] is not None else None,
        note=found["note"],
        job=found["job"],
        ended_at=from_ms(found["ended_at"]) if found["ended_at"] is not None else None,
        error=found["error"],
        **{kind.value: _TYPES[kind].validate_json(found["payload"])},
    )
