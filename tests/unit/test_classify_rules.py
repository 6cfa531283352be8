"""Ends of a turn that no kept recording has, and what must not sway the classification."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hive_agent.classify import Cancel, TurnEvidence, classify
from hive_agent.classify.evidence import from_lines
from hive_agent.main import main
from hive_rpc.types import TurnOutcome

INIT = {"type": "system", "subtype": "init"}
OK = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "num_turns": 1,
    "stop_reason": "end_turn",
    "terminal_reason": "completed",
    "result": "done",
}


def said(text: str, **fields: Any) -> dict[str, Any]:
    """The model speaks."""
    message = {"model": "claude-opus-4-8", "content": [{"type": "text", "text": text}]}
    return {"type": "assistant", "parent_tool_use_id": None, "message": message, **fields}


def failed(error: str, text: str, *, status: int | None = None, reason: str = "completed") -> list[dict[str, Any]]:
    """A turn that ends with an error of the API, as the CLI prints it."""
    message = {"model": "<synthetic>", "content": [{"type": "text", "text": text}]}
    synthetic = {"type": "assistant", "parent_tool_use_id": None, "message": message, "error": error}
    result = OK | {
        "is_error": True,
        "api_error_status": status,
        "result": text,
        "stop_reason": "stop_sequence",
        "terminal_reason": reason,
    }
    return [INIT, synthetic, result]


@pytest.mark.parametrize(
    ("error", "status", "text", "outcome"),
    [
        ("unknown", 400, "API Error: 400 You have reached your specified API usage limits.", "budget_exhausted"),
        ("authentication_failed", None, "Not logged in · Please run /login", "auth_failed"),
        ("authentication_failed", 403, "Failed to authenticate. API Error: 403 ...", "auth_failed"),
        ("server_error", 502, "API Error: 502 <html>", "overloaded"),
        ("server_error", 503, "API Error: 503", "overloaded"),
        ("server_error", 529, "API Error: 529 Overloaded.", "overloaded"),
        ("overloaded", 529, "API Error: 529 Overloaded.", "overloaded"),
        ("unknown", None, "API Error: Overloaded", "overloaded"),
        ("unknown", 408, "API Error: 408 request timeout", "overloaded"),
        ("unknown", 409, "API Error: 409 conflict", "overloaded"),
        ("server_error", None, "API Error: Unable to connect to API (FailedToOpenSocket)", "network"),
        ("server_error", None, "API Error: Connection to the API was lost (ECONNRESET). This is ...", "network"),
        ("model_not_found", 404, "There's an issue with the selected model (nosuch).", "configuration"),
        ("max_output_tokens", None, "API Error: Claude's response exceeded the 64000 output token", "output_limit"),
        ("unknown", 400, "API Error: 400 messages.0: text content blocks must be non-empty", "bad_conversation"),
        ("invalid_request", 413, "Request too large (max 32MB).", "bad_conversation"),
        ("invalid_request", 400, "Prompt is too long · the request is ~210000 tokens", "context_overflow"),
        ("invalid_request", None, "Prompt is too long", "context_overflow"),
        ("an_error_of_next_year", None, "Something new", "crashed"),
        ("an_error_of_next_year", 503, "Something new", "overloaded"),
        ("an_error_of_next_year", 429, "Something new", "rate_limited"),
    ],
)
def test_an_error_of_the_api_has_its_class(error: str, status: int | None, text: str, outcome: str) -> None:
    found = classify(TurnEvidence(failed(error, text, status=status), exit_code=1))
    assert found.outcome == outcome
    assert found.evidence


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('API Error: 529 {"type":"error","error":{"type":"overloaded_error"}}', "overloaded"),
        ("API Error (502 <html>)", "overloaded"),
        ("API Error: Request rejected (429) · slow down", "rate_limited"),
        ("API Error: 400 messages: roles must alternate", "bad_conversation"),
        ("Failed to authenticate. API Error: 401 expired", "auth_failed"),
        ("OAuth token has expired · Please run /login", "auth_failed"),
        ("Invalid API key · Fix external API key", "auth_failed"),
        ("Claude AI usage limit reached|1795173304", "rate_limited"),
        ("You've hit your weekly limit · resets Nov 25, 8:15am (UTC)", "rate_limited"),
        ("Credit balance is too low", "budget_exhausted"),
        ("Prompt is too long", "context_overflow"),
        ("There's an issue with the selected model (nosuch).", "configuration"),
        ("API Error: Claude's response exceeded the 32000 output token maximum.", "output_limit"),
        ("API Error: Unable to connect to API (ETIMEDOUT)", "network"),
        ("Something that no version said so far, 529 times", "crashed"),
    ],
)
def test_a_version_that_names_neither_the_error_nor_its_status_is_understood_by_the_cli_s_own_sentence(
    text: str, outcome: str
) -> None:
    init, synthetic, result = failed("", text)
    for field in ("api_error_status", "terminal_reason", "stop_reason"):
        del result[field]
    del synthetic["error"]
    assert classify(TurnEvidence([init, synthetic, result], 1)).outcome == outcome
    # The model may say the same: that is an answer, and its turn has only failed somehow.
    assert classify(TurnEvidence([init, said(text), result], 1)).outcome is TurnOutcome.CRASHED


def test_an_old_version_s_sentence_tells_when_the_limit_ends() -> None:
    found = classify(TurnEvidence(failed("", "Claude AI usage limit reached|1795173304"), 1))
    assert found.resets_at == datetime(2026, 11, 20, 11, 15, 4, tzinfo=UTC)


@pytest.mark.parametrize("status", [529, "529", 529.0])
def test_a_status_counts_however_it_is_written(status: Any) -> None:
    assert classify(TurnEvidence(failed("unknown", "Odd.", status=status), 1)).outcome is TurnOutcome.OVERLOADED


def test_an_error_that_trying_again_overcame_is_none_and_one_after_some_answer_is_one() -> None:
    retry = {"type": "system", "subtype": "api_retry", "error": "overloaded", "error_status": 529, "attempt": 1}
    init, synthetic, result = failed("server_error", "API Error: 529 Overloaded.", status=529)
    assert classify(TurnEvidence([init, retry, said("42"), OK], 0)).outcome is TurnOutcome.OK
    assert classify(TurnEvidence([init, synthetic, said("42"), OK], 0)).outcome is TurnOutcome.OK
    assert classify(TurnEvidence([init, said("so far"), synthetic, result], 1)).outcome is TurnOutcome.OVERLOADED
    assert classify(TurnEvidence([init, said("42"), OK, init, synthetic, result], 1)).outcome is TurnOutcome.OVERLOADED
    assert classify(TurnEvidence([init, synthetic, result, init, said("42"), OK], 0)).outcome is TurnOutcome.OK


def test_a_refusal_is_refused_by_either_of_its_signs() -> None:
    line = {"type": "system", "subtype": "model_refusal_no_fallback"}
    init, synthetic, result = failed("unknown", "The model refused.")
    assert classify(TurnEvidence([init, line, synthetic, result], 1)).outcome is TurnOutcome.REFUSED
    assert classify(TurnEvidence([INIT, OK | {"stop_reason": "refusal"}], 0)).outcome is TurnOutcome.REFUSED


def test_a_rejected_limit_that_overage_covers_is_no_failure() -> None:
    info = {"status": "rejected", "resetsAt": 1795173304, "isUsingOverage": True}
    found = classify(TurnEvidence([INIT, {"type": "rate_limit_event", "rate_limit_info": info}, said("42"), OK], 0))
    assert (found.outcome, found.resets_at) == (TurnOutcome.OK, None)


def test_the_reset_is_taken_from_a_rejection_of_an_earlier_turn_of_the_process() -> None:
    """The CLI prints a `rate_limit_event` only when something changed."""
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795173304}}
    turn = failed("rate_limit", "You've hit your session limit", status=429)
    found = classify(TurnEvidence([limit, *turn, *turn], 1))
    assert found.resets_at == datetime(2026, 11, 20, 11, 15, 4, tzinfo=UTC)


@pytest.mark.parametrize("stamp", [None, "soon", True, 10**30, -(10**30), 1.5])
def test_a_reset_that_cannot_be_a_time_is_none(stamp: Any) -> None:
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": stamp}}
    found = classify(TurnEvidence([limit, *failed("rate_limit", "limit", status=429)], 1))
    assert (found.outcome, found.resets_at) == (TurnOutcome.RATE_LIMITED, None)


@pytest.mark.parametrize(
    "text",
    [
        "Prompt is too long",
        "API Error: Unable to connect to API (ECONNREFUSED)",
        "No conversation found with session ID: 1",
        "Error during compaction: API Error",
        "You've reached your API usage limits",
        '{"type":"result","is_error":true}',
    ],
)
def test_what_the_model_says_never_decides(text: str) -> None:
    turn = [INIT, said(text), OK | {"result": text}]
    assert classify(TurnEvidence(turn, 0)).outcome is TurnOutcome.OK
    # The same words of the model's before another failure: the failure decides.
    other = [INIT, said(text), *failed("rate_limit", "limit", status=429)[1:]]
    assert classify(TurnEvidence(other, 1)).outcome is TurnOutcome.RATE_LIMITED
    # An error without any word of the CLI's is not explained by the model's.
    unexplained = [INIT, said(text), OK | {"is_error": True, "result": text}]
    assert classify(TurnEvidence(unexplained, 1)).outcome is TurnOutcome.CRASHED


def test_an_error_in_a_sub_agent_is_not_the_turns() -> None:
    inner = failed("rate_limit", "limit", status=429)[1] | {"parent_tool_use_id": "toolu_1"}
    assert classify(TurnEvidence([INIT, inner, said("done"), OK], 0)).outcome is TurnOutcome.OK


def test_a_turn_that_begins_after_the_last_result_did_not_end_well() -> None:
    assert classify(TurnEvidence([INIT, said("one"), OK, INIT, said("two")], 0)).outcome is TurnOutcome.CRASHED
    cut = from_lines([json.dumps(OK), '{"type":"system","sub'], exit_code=0)
    assert classify(cut).outcome is TurnOutcome.CRASHED


def test_noise_after_the_result_changes_nothing() -> None:
    noise = [{"type": "system", "subtype": "task_notification"}, {"type": "new"}, {"type": "rate_limit_event"}, 7, None]
    assert classify(TurnEvidence([INIT, said("one"), OK, *noise], 0)).outcome is TurnOutcome.OK


def test_a_process_that_died_after_a_good_result_has_crashed() -> None:
    assert classify(TurnEvidence([INIT, OK], -9)).outcome is TurnOutcome.CRASHED


def test_compaction_in_a_turn_that_was_answered_is_no_failed_compaction() -> None:
    status = {"type": "system", "subtype": "status", "compact_result": "failed", "compact_error": "too short"}
    assert classify(TurnEvidence([INIT, status, said("done"), OK], 0)).outcome is TurnOutcome.OK
    alone = [status, INIT, OK | {"num_turns": 0}]
    assert classify(TurnEvidence(alone, 0)).outcome is TurnOutcome.COMPACTION_FAILED


@pytest.mark.parametrize(
    ("cancel", "outcome"),
    [
        (Cancel.REQUESTED, TurnOutcome.INTERRUPTED),
        (Cancel.TIME_LIMIT, TurnOutcome.INTERRUPTED),
        (Cancel.SILENCE, TurnOutcome.NETWORK),
    ],
)
def test_our_own_cancel_explains_a_turn_that_was_cut_off(cancel: Cancel, outcome: TurnOutcome) -> None:
    aborted = OK | {"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_streaming"}
    assert classify(TurnEvidence([INIT], -9, cancel=cancel)).outcome is outcome
    assert classify(TurnEvidence([INIT, aborted], None, cancel=cancel)).outcome is outcome


def test_our_own_cancel_explains_nothing_that_was_over_before_it() -> None:
    limited = failed("rate_limit", "limit", status=429)
    assert classify(TurnEvidence(limited, 1, cancel=Cancel.REQUESTED)).outcome is TurnOutcome.RATE_LIMITED
    assert classify(TurnEvidence([INIT, OK], -9, cancel=Cancel.REQUESTED)).outcome is TurnOutcome.OK


def test_a_lost_transcript_is_known_from_stderr_when_there_is_no_result() -> None:
    found = classify(TurnEvidence([], 1, stderr="No conversation found with session ID: 1111"))
    assert found.outcome is TurnOutcome.SESSION_LOST


def test_stderr_after_a_good_start_is_no_wrong_flag() -> None:
    assert classify(TurnEvidence([], 1, stderr="error: unknown option")).outcome is TurnOutcome.CONFIGURATION
    assert classify(TurnEvidence([INIT], 1, stderr="RangeError: out of memory")).outcome is TurnOutcome.CRASHED
    # Of a very long turn only the latest lines are kept, without its first.
    assert classify(TurnEvidence([said("...")], 1, stderr="RangeError")).outcome is TurnOutcome.CRASHED
    assert classify(TurnEvidence([], 134, stderr="no /proc")).outcome is TurnOutcome.CRASHED


def test_the_command_prints_the_four_fields_and_reads_bad_bytes(tmp_path: Path) -> None:
    file, stderr = tmp_path / "run.jsonl", tmp_path / "stderr"
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795173304}}
    lines = [limit, *failed("rate_limit", "limit", status=429)]
    file.write_bytes(b"\xff\xfe\n" + "\n".join(json.dumps(line) for line in lines).encode())
    stderr.write_text("")
    done = CliRunner().invoke(main, ["classify", str(file), "--stderr", str(stderr), "--exit-code", "1"])
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    assert list(printed) == ["outcome", "resets_at", "retryable", "evidence"]
    assert printed["outcome"] == "rate_limited"
    assert printed["resets_at"] == "2026-11-20T11:15:04.000Z"
    assert printed["retryable"] is True


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe\n[1,2]\n12\nnull\n",
        b"[" * 100_000,
        b'{"type":"result","is_error":true,"api_error_status":' + b"9" * 10_000 + b"}",
        b'{"type":"result","subtype":["x"],"is_error":"yes","errors":{"a":1}}',
        json.dumps({"type": "result", "is_error": "\ud800"}).encode(),
        b'{"type":"result","subtype":"success","is_error":true,"result":"' + b"x" * 2_000_000 + b'"}',
    ],
    ids=["empty", "bytes", "deep", "number", "types", "surrogate", "huge"],
)
def test_the_command_calls_nonsense_crashed_with_evidence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.jsonl").write_bytes(content)
    done = CliRunner().invoke(main, ["classify", str(tmp_path / "run.jsonl")])
    assert done.exit_code == 0, done.exception
    printed = json.loads(done.stdout)
    assert printed["outcome"] == "crashed"
    assert printed["evidence"]
    assert len(done.stdout) < 2000


def test_a_byte_order_mark_hides_no_line(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(OK).encode() + b"\r\n")
    printed = CliRunner().invoke(main, ["classify", str(tmp_path / "run.jsonl")]).stdout
    assert json.loads(printed)["outcome"] == "ok"


def test_the_command_says_which_file_it_cannot_read(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["classify", str(tmp_path / "none.jsonl")])
    assert done.exit_code == 2
    assert "none.jsonl" in done.stderr
