"""The classification, in the order in which the signals are to be checked (docs/claude-cli.md has the measurements)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hive_agent.classify.classification import Classification, Finding, finding
from hive_agent.classify.evidence import Cancel, TurnEvidence
from hive_agent.classify.reading import (
    Line,
    Turn,
    begins_a_turn,
    is_synthetic,
    last_turn,
    mapping,
    message_text,
    whole,
    words,
)
from hive_rpc.types import TurnOutcome

_LOST = "No conversation found with session ID"
_COMPACTION_FAILED = re.compile(r"^(Error during compaction|(Error: )?(No messages|Not enough messages) to compact)")
_USAGE_LIMIT = re.compile(r"^(API Error: (400 )?)?.*\bAPI usage limits\b", re.DOTALL)
_OVERFLOW = re.compile(r"^Prompt is too long\b")
_OVERLOADED = re.compile(r"^(API Error: )?(Repeated 529|Overloaded|Internal server error)")
_NETWORK = re.compile(
    r"^(API Error: )?(Unable to connect to API|Connection to the API was lost|Request timed out"
    r"|The operation timed out|Connection error|The socket connection was closed)"
)

_STATUS = re.compile(r"^(?:Failed to authenticate\. )?API Error(?:: | \()(?:Request rejected \()?([45]\d\d)\b")
_LIMIT = re.compile(r"^(You've (hit|reached) your .*\blimit\b|Claude AI usage limit reached)")
_LIMIT_ENDS = re.compile(r"^Claude AI usage limit reached\|(\d{9,11})\b")
"""How versions before 2 said it: the text alone, with the Unix time."""
_LOGIN = re.compile(r"^(Not logged in|Invalid API key|Failed to authenticate|OAuth token|Please run /login)\b")
_CREDIT = re.compile(r"^Credit balance is too low\b")
_NO_MODEL = re.compile(r"^There's an issue with the selected model\b")
_TOO_MUCH_SAID = re.compile(r"^(API Error: )?Claude's response exceeded the \d+ output token maximum\b")

_AUTH_ERRORS = frozenset(
    {
        "authentication_failed",
        "oauth_org_not_allowed",
        "account_on_hold",
        "verification_required",
        "cloud_credential_error",
    }
)
_OVERFLOW_REASONS = frozenset({"prompt_too_long", "blocking_limit", "rapid_refill_breaker"})
_TRANSIENT_STATUSES = frozenset({408, 409})
"""Refused by a server that answers, and retried by the CLI itself."""
_CANCEL_OUTCOMES = {
    Cancel.REQUESTED: TurnOutcome.INTERRUPTED,
    Cancel.TIME_LIMIT: TurnOutcome.INTERRUPTED,
    Cancel.SILENCE: TurnOutcome.NETWORK,
}


def classify(evidence: TurnEvidence) -> Classification:
    """How the last turn in the evidence ended. Never raises: what has an unknown shape is `crashed`.

    A cancel of ours explains a turn that was cut off, and nothing else: one that ended before it, well or with an
    error of its own, is what it is.
    """
    turn = last_turn(evidence.events)
    if turn.result is None or turn.unfinished is not None:
        return _cut_off(turn, evidence)
    ended = _ended(turn, evidence)
    if evidence.cancel is not None and ended.outcome in {TurnOutcome.CRASHED, TurnOutcome.INTERRUPTED}:
        return _cancelled(evidence.cancel, ended.evidence)
    return ended


def _cancelled(cancel: Cancel, evidence: tuple[Finding, ...]) -> Classification:
    return Classification(_CANCEL_OUTCOMES[cancel], (finding("cancel", "cancel", cancel.value), *evidence))


def _cut_off(turn: Turn, evidence: TurnEvidence) -> Classification:
    """There is no `result` for the last turn: the process says what happened, not the stream."""
    found = [finding("result", "result", "there is none")]
    if turn.unfinished is not None:
        found = [finding(turn.unfinished.type, "type", "a turn without a result", turn.unfinished.index)]
    if evidence.exit_code is not None:
        found.append(finding("exit code", "exit_code", evidence.exit_code))
    said = evidence.stderr.strip()
    if said:
        found.append(finding("stderr", "stderr", said))
    if evidence.error:
        found.append(finding("sdk", "error", evidence.error))
    if evidence.cancel is not None:
        return _cancelled(evidence.cancel, tuple(found))
    if _LOST in said:
        return Classification(TurnOutcome.SESSION_LOST, tuple(found))
    if said and not any(begins_a_turn(line) for line in turn.lines) and evidence.exit_code in {1, None}:
        # A flag or a file that the CLI refuses: exit code 1 and a sentence, before the stream begins.
        return Classification(TurnOutcome.CONFIGURATION, tuple(found))
    return Classification(TurnOutcome.CRASHED, tuple(found))


def _ended(turn: Turn, evidence: TurnEvidence) -> Classification:
    assert turn.result is not None
    if turn.field("stop_reason") == "refusal":
        return _of(TurnOutcome.REFUSED, turn, "stop_reason")
    if (error := turn.synthetic_error) is not None and _is_last_word(turn, error):
        return _api_error(turn)
    if turn.field("is_error") is False:
        return _no_error(turn, evidence)
    if turn.field("is_error") is not True:
        return _of(TurnOutcome.CRASHED, turn, "is_error")
    if turn.result.subtype == "success":
        return _api_error(turn)
    return _failed_run(turn)


def _is_last_word(turn: Turn, error: Line) -> bool:
    """The CLI's error is the last thing on the main thread: nothing came of trying again."""
    return not any(
        line.type == "assistant" and line.index > error.index and not is_synthetic(line)
        for line in turn.lines
        if line.body.get("parent_tool_use_id") is None
    )


def _no_error(turn: Turn, evidence: TurnEvidence) -> Classification:
    assert turn.result is not None
    if (failed := _failed_compaction(turn)) is not None:
        return Classification(TurnOutcome.COMPACTION_FAILED, (failed,))
    if turn.result.subtype != "success":
        return _of(TurnOutcome.CRASHED, turn, "subtype")
    if evidence.exit_code not in {0, None} and evidence.cancel is None:
        died = finding("exit code", "exit_code", evidence.exit_code)
        return Classification(TurnOutcome.CRASHED, (died, *_of(TurnOutcome.CRASHED, turn, "is_error").evidence))
    if turn.field("num_turns") == 0 and not any(line.type in ("assistant", "system") for line in _after_init(turn)):
        # Nothing was said and nothing compacted: what would tell how it went is missing.
        return _of(TurnOutcome.CRASHED, turn, "num_turns")
    return _of(TurnOutcome.OK, turn, "is_error")


def _after_init(turn: Turn) -> list[Line]:
    return [line for line in turn.lines if line.body.get("subtype") != "init"]


def _failed_compaction(turn: Turn) -> Finding | None:
    """A `/compact` that failed is no error to the CLI. A turn with an answer of the model's was no `/compact`."""
    if turn.answered:
        return None
    status = turn.last_system("status", "compact_result")
    if status is not None and status.body.get("compact_result") != "success":
        why = status.body.get("compact_error") or status.body.get("compact_result")
        return finding("system/status", "compact_result", why, status.index)
    said = turn.synthetic
    if said is not None and _COMPACTION_FAILED.match(message_text(said)):
        return finding("assistant", "message.content", message_text(said), said.index)
    # Without any turn of the model's, the text of the result is the CLI's.
    text = words(turn.field("result"))
    if turn.field("num_turns") == 0 and _COMPACTION_FAILED.match(text):
        assert turn.result is not None
        return finding("result", "result", text, turn.result.index)
    return None


def _failed_run(turn: Turn) -> Classification:
    """A `result` whose subtype is an error of the run, not of the API."""
    assert turn.result is not None
    errors = turn.field("errors")
    said = "; ".join(words(error) for error in errors) if isinstance(errors, list) else ""
    reason = words(turn.field("terminal_reason"))
    subtype = turn.result.subtype
    if subtype == "error_max_budget_usd" or reason == "budget_exhausted":
        return _of(TurnOutcome.BUDGET_EXHAUSTED, turn, "subtype", "errors")
    if subtype == "error_max_turns":
        return _of(TurnOutcome.TURN_LIMIT, turn, "subtype", "errors")
    if reason.startswith("aborted_"):
        return _of(TurnOutcome.INTERRUPTED, turn, "terminal_reason")
    if said.startswith(_LOST):
        return _of(TurnOutcome.SESSION_LOST, turn, "errors")
    if said.startswith("Error: --"):
        return _of(TurnOutcome.CONFIGURATION, turn, "errors")
    if turn.synthetic_error is not None:
        return _api_error(turn)
    return _of(TurnOutcome.CRASHED, turn, "subtype", "terminal_reason", "errors")


@dataclass(frozen=True)
class _ApiError:
    """What the CLI says of a failed request."""

    error: str
    status: int | None
    reason: str
    text: str

    @property
    def unspecific(self) -> bool:
        return self.error in {"unknown", "invalid_request"}


Rule = tuple[TurnOutcome, Callable[[_ApiError], bool]]

_RULES: Sequence[Rule] = (
    (TurnOutcome.RATE_LIMITED, lambda e: e.error == "rate_limit"),
    (TurnOutcome.BUDGET_EXHAUSTED, lambda e: e.error == "billing_error"),
    (
        TurnOutcome.BUDGET_EXHAUSTED,
        lambda e: e.unspecific and e.status == 400 and bool(_USAGE_LIMIT.match(e.text)),
    ),
    (TurnOutcome.AUTH_FAILED, lambda e: e.error in _AUTH_ERRORS),
    (TurnOutcome.CONTEXT_OVERFLOW, lambda e: e.reason in _OVERFLOW_REASONS or bool(_OVERFLOW.match(e.text))),
    (TurnOutcome.CONFIGURATION, lambda e: e.error == "model_not_found"),
    (TurnOutcome.OUTPUT_LIMIT, lambda e: e.error == "max_output_tokens"),
    (TurnOutcome.NETWORK, lambda e: e.status is None and bool(_NETWORK.match(e.text))),
    (TurnOutcome.OVERLOADED, lambda e: e.status is None and bool(_OVERLOADED.match(e.text))),
    # No status and no such text: there was no answer. The words for that differ from version to version.
    (TurnOutcome.NETWORK, lambda e: e.error == "server_error" and e.status is None),
    (TurnOutcome.OVERLOADED, lambda e: e.error in {"server_error", "overloaded"}),
    # The status alone, for when the error's name is missing or new.
    (TurnOutcome.RATE_LIMITED, lambda e: e.status == 429),
    (TurnOutcome.AUTH_FAILED, lambda e: e.status in {401, 403}),
    (TurnOutcome.CONFIGURATION, lambda e: e.status == 404),
    (TurnOutcome.OVERLOADED, lambda e: e.status in _TRANSIENT_STATUSES or (e.status or 0) >= 500),
    (TurnOutcome.BAD_CONVERSATION, lambda e: e.reason == "image_error" or 400 <= (e.status or 0) < 500),
    (TurnOutcome.BAD_CONVERSATION, lambda e: e.error == "invalid_request"),
    # The CLI's sentence alone, which older versions print without a name or a status.
    (TurnOutcome.RATE_LIMITED, lambda e: bool(_LIMIT.match(e.text))),
    (TurnOutcome.AUTH_FAILED, lambda e: bool(_LOGIN.match(e.text))),
    (TurnOutcome.BUDGET_EXHAUSTED, lambda e: bool(_CREDIT.match(e.text))),
    (TurnOutcome.CONFIGURATION, lambda e: bool(_NO_MODEL.match(e.text))),
    (TurnOutcome.OUTPUT_LIMIT, lambda e: bool(_TOO_MUCH_SAID.match(e.text))),
)


def _api_error(turn: Turn) -> Classification:
    """A `result` with `is_error` whose cause is the API, or that the CLI refused in its place."""
    assert turn.result is not None
    refusal = next((line for line in turn.lines if line.subtype == "model_refusal_no_fallback"), None)
    if refusal is not None:
        found = finding(f"system/{refusal.subtype}", "subtype", refusal.subtype, refusal.index)
        return Classification(TurnOutcome.REFUSED, (found,))
    line = turn.synthetic_error
    own = turn.own_text
    text = own[1] if own is not None else ""
    status = whole(turn.field("api_error_status"))
    if status is None and (in_text := _STATUS.match(text)):
        status = int(in_text[1])
    error = _ApiError(
        error=words(line.body.get("error")) if line is not None else "",
        status=status,
        reason=words(turn.field("terminal_reason")),
        text=text,
    )
    evidence = list(_of(TurnOutcome.CRASHED, turn, "api_error_status", "terminal_reason").evidence)
    if line is not None:
        evidence.append(finding("assistant", "error", error.error, line.index))
    if own is not None:
        evidence.append(finding(own[0].type, "text", own[1], own[0].index))
    outcome = next((outcome for outcome, holds in _RULES if holds(error)), TurnOutcome.CRASHED)
    if outcome is not TurnOutcome.RATE_LIMITED:
        return Classification(outcome, tuple(evidence))
    resets_at, limit = _reset(turn)
    if resets_at is None and (ends := _LIMIT_ENDS.match(text)):
        resets_at = datetime.fromtimestamp(int(ends[1]), UTC)
    return Classification(outcome, (*evidence, *limit), resets_at)


def _reset(turn: Turn) -> tuple[datetime | None, tuple[Finding, ...]]:
    """When the limit ends: only a rejection says so, an earlier "allowed" speaks of a window that is still open."""
    if turn.limit is None:
        return None, ()
    info = mapping(turn.limit.body.get("rate_limit_info"))
    stamp = whole(info.get("resetsAt"))
    if info.get("status") != "rejected" or stamp is None:
        return None, (finding("rate_limit_event", "status", info.get("status"), turn.limit.index),)
    try:
        resets_at = datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        resets_at = None
    return resets_at, (finding("rate_limit_event", "resetsAt", stamp, turn.limit.index),)


def _of(outcome: TurnOutcome, turn: Turn, *fields: str) -> Classification:
    """An outcome with fields of the result as its evidence."""
    assert turn.result is not None
    index = turn.result.index
    present = [field for field in fields if field in turn.result.body] or list(fields[:1])
    return Classification(outcome, tuple(finding("result", field, turn.field(field), index) for field in present))
