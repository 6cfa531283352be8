"""How a turn ended, from its evidence."""

from dataclasses import dataclass

from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import Object, TurnOutcome


@dataclass(frozen=True)
class Verdict:
    outcome: TurnOutcome
    reason: str = ""
    """What happened, in words for an operator; empty when all is well."""


def classify(evidence: TurnFinishedRequest, *, cut_short: str | None) -> Verdict:
    """`cut_short` says why we ended the turn ourselves, where we did."""
    if cut_short is not None:
        return Verdict(TurnOutcome.INTERRUPTED, cut_short)
    result = next((line for line in reversed(evidence.lines) if line.get("type") == "result"), None)
    if result is None:
        return _without_result(evidence)
    if result.get("is_error") is False:
        return Verdict(TurnOutcome.OK)
    said = _said(result)
    if "No conversation found with session ID" in said:
        return Verdict(TurnOutcome.SESSION_LOST, "the CLI has no transcript of the conversation")
    return Verdict(TurnOutcome.CRASHED, said or "the CLI reported an error without a text")


def _without_result(evidence: TurnFinishedRequest) -> Verdict:
    said = evidence.stderr.strip().splitlines()
    if any("No conversation found with session ID" in line or "is already in use" in line for line in said):
        return Verdict(TurnOutcome.SESSION_LOST, said[-1])
    how = evidence.error or "the CLI gave no result"
    if evidence.exit_code is not None:
        how += f", exit code {evidence.exit_code}"
    return Verdict(TurnOutcome.CRASHED, f"{how}: {said[-1]}" if said else how)


def _said(result: Object) -> str:
    errors = result.get("errors")
    if isinstance(errors, list) and errors:
        return "; ".join(str(error) for error in errors)
    return str(result.get("result") or "")
