"""How a turn ended: the outcome from the classification, the reason in words for people and for the model."""

from dataclasses import dataclass
from datetime import datetime

from hive_agent.classify import Cancel, classify
from hive_agent.classify.evidence import from_report
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import Object, TurnOutcome

TAKEN = "is already in use"
"""What the CLI says of a session id that it has a transcript of, which we then looked for in the wrong place."""


@dataclass(frozen=True)
class CutShort:
    """Why we ended a turn ourselves."""

    cancel: Cancel
    reason: str


@dataclass(frozen=True)
class Verdict:
    outcome: TurnOutcome
    reason: str = ""
    """What happened; empty when all is well."""
    resets_at: datetime | None = None
    """When a limit ends, where the CLI says so."""


def judge(evidence: TurnFinishedRequest, cut_short: CutShort | None = None) -> Verdict:
    """How the turn ended that left this evidence."""
    found = classify(from_report(evidence, cancel=cut_short.cancel if cut_short else None))
    if found.outcome is TurnOutcome.OK:
        return Verdict(TurnOutcome.OK)
    if found.outcome is TurnOutcome.CONFIGURATION and TAKEN in evidence.stderr:
        return Verdict(TurnOutcome.SESSION_LOST, "its id is taken")
    if cut_short is not None and found.outcome in {TurnOutcome.INTERRUPTED, TurnOutcome.NETWORK}:
        return Verdict(found.outcome, cut_short.reason)
    return Verdict(found.outcome, _words(evidence) or found.reason, found.resets_at)


def _words(evidence: TurnFinishedRequest) -> str:
    """What the CLI said about it, or how it died."""
    result = next((line for line in reversed(evidence.lines) if line.get("type") == "result"), None)
    if result is not None:
        return _said(result)
    stderr = evidence.stderr.strip().splitlines()
    how = evidence.error or "the CLI gave no result"
    if evidence.exit_code is not None:
        how += f", exit code {evidence.exit_code}"
    return f"{how}: {stderr[-1]}" if stderr else how


def _said(result: Object) -> str:
    errors = result.get("errors")
    if isinstance(errors, list) and errors:
        return "; ".join(str(error) for error in errors)
    said = result.get("result")
    return said if isinstance(said, str) else ""
