"""What is known of how a turn ended, and from what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from hive_rpc.types import Object, Time, TurnOutcome

MAX_VALUE = 300
"""Characters of one value that evidence quotes."""

RETRYABLE = frozenset(
    {
        TurnOutcome.RATE_LIMITED,
        TurnOutcome.OVERLOADED,
        TurnOutcome.NETWORK,
        TurnOutcome.INTERRUPTED,
        TurnOutcome.CRASHED,
    }
)
"""Where the same message in the same conversation can succeed later. The others need something changed first: the
conversation (compacted, or a fresh one), the request, or by an operator the account or the configuration."""

_TIME: TypeAdapter[datetime] = TypeAdapter(Time)


@dataclass(frozen=True)
class Finding:
    """One observation that decided."""

    source: str
    """`result`, `assistant`, `rate_limit_event`, `system/status`, `exit code`, `stderr`, `cancel`, `sdk`."""
    field: str
    value: str
    event: int | None = None
    """The line of the stream, counted from 0; None when it is not from the stream."""


@dataclass(frozen=True)
class Classification:
    outcome: TurnOutcome
    evidence: tuple[Finding, ...]
    resets_at: datetime | None = None
    """When a limit ends, where the CLI says so."""

    @property
    def retryable(self) -> bool:
        return self.outcome in RETRYABLE

    @property
    def reason(self) -> str:
        """The deciding observations in one line, for an operator."""
        return "; ".join(f"{finding.field}: {finding.value}" for finding in self.evidence)

    def as_object(self) -> Object:
        """What `hive-agent classify` prints."""
        return {
            "outcome": self.outcome.value,
            "resets_at": None if self.resets_at is None else _TIME.dump_python(self.resets_at, mode="json"),
            "retryable": self.retryable,
            "evidence": [
                {"event": found.event, "source": found.source, "field": found.field, "value": found.value}
                for found in self.evidence
            ],
        }


def finding(source: str, field: str, value: Any, event: int | None = None) -> Finding:
    """A finding with any value, in words and not too long."""
    text = value if isinstance(value, str) else repr(value)
    # JSON can hold half a character, which nothing could print.
    text = text.encode(errors="replace").decode()
    return Finding(source, field, text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…", event)
