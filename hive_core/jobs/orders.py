"""What can be put into the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hive_core.operators.audit import Actor
from hive_rpc.configuration import JobKind


@dataclass(frozen=True)
class Order:
    """Something to be done with one agent."""

    kind: JobKind
    agent: str
    actor: Actor
    approval: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    """What its kind needs, as strings."""
    batch: str | None = None
    wave: int = 0
