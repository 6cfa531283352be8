"""What is made of the CLI's lines: events for people, evidence and figures for the harness."""

from typing import Any

import pytest

from hive_agent.runner.cli import MAX_STDERR
from hive_agent.runner.recorder import MAX_LINES, TurnRecorder
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import MAX_FRAME, Event, EventKind, Usage
from tests.support.manual_clock import ManualClock

Line = dict[str, Any]


class Following:
    def __init__(self, cost_before: float = 0) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        self.recorder = TurnRecorder("turn_1", clock=self.clock, emit=self.events.append, cost_before=cost_before)

    def follow(self, *lines: Line) -> "Following":
        for line in lines:
            self.recorder.follow(line)
        return self

    def evidence(self, error: str | None = None) -> TurnFinishedRequest:
        return self.recorder.evidence(exit_code=None, stderr="", error=error)

    def told(self) -> list[tuple[EventKind, str | None]]:
        return [(event.kind, event.text) for event in self.events]


def assistant(*blocks: Line, parent: str | None = None, **usage: int) -> Line:
    message = {"model": "claude-x", "content": list(blocks), "usage": usage}
    return {"type": "assistant", "message": message, "parent_tool_use_id": parent}


def said(words: str) -> Line:
    return {"type": "text", "text": words}


def delta(words: str, parent: str | None = None) -> Line:
    event = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": words}}
    return {"type": "stream_event", "event": event, "parent_tool_use_id": parent}


def result(**fields: Any) -> Line:
    return {"type": "result", "subtype": "success", "is_error": False, "result": "Done."} | fields


def test_words_are_told_as_they_come_and_once_whole() -> None:
    following = Following().follow(delta("Hel"), delta("lo"), assistant(said("Hello")), result(result="Hello"))
    assert following.told() == [
        (EventKind.TEXT_DELTA, "Hel"),
        (EventKind.TEXT_DELTA, "lo"),
        (EventKind.TEXT, "Hello"),
    ]
    assert following.evidence().final_text == "Hello"


def test_a_tool_call_and_its_result_are_told_and_counted() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    answer = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [said("a"), {"type": "image"}]}
    following = Following().follow(
        assistant(call), {"type": "user", "message": {"content": [answer]}}, assistant(call), result()
    )
    first, second, _ = following.events
    assert first.tool_call is not None
    assert (first.tool_call.name, first.tool_call.input) == ("Bash", {"command": "ls"})
    assert second.tool_result is not None
    assert second.tool_result.content == "a\n[image]"
    assert following.evidence().tools == {"Bash": 2}


def test_what_a_sub_agent_says_is_not_this_agents_word_and_not_its_context() -> None:
    following = Following().follow(
        assistant(said("mine"), input_tokens=100),
        delta("not mine", parent="toolu_1"),
        assistant(said("not mine"), parent="toolu_1", input_tokens=999),
    )
    assert following.told() == [(EventKind.TEXT, "mine")]
    assert following.evidence().final_text == "mine"
    assert following.evidence().context_tokens == 100


def test_the_context_is_the_size_of_the_last_inference_and_not_the_sum() -> None:
    following = Following().follow(
        assistant(said("a"), input_tokens=5, cache_read_input_tokens=1000),
        assistant(said("b"), input_tokens=7, cache_read_input_tokens=1100, cache_creation_input_tokens=50),
        result(usage={"input_tokens": 12, "output_tokens": 30, "cache_read_input_tokens": 2100}),
    )
    evidence = following.evidence()
    assert evidence.context_tokens == 1157
    assert evidence.usage == Usage(input_tokens=12, output_tokens=30, cache_read_tokens=2100)


def test_the_cost_is_that_of_this_turn_though_the_cli_adds_up() -> None:
    following = Following(cost_before=1.5).follow(result(total_cost_usd=2.0))
    assert following.evidence().cost_usd == 0.5
    assert following.recorder.cost_total == 2.0


def test_the_first_token_is_the_first_sign_of_the_model_also_of_a_tool_call() -> None:
    following = Following()
    following.clock._elapsed = 2.5
    following.follow({"type": "stream_event", "event": {"type": "content_block_start"}, "parent_tool_use_id": None})
    following.clock._elapsed = 9
    assert following.follow(delta("late")).evidence().first_token_seconds == 2.5


def test_the_cli_s_own_words_about_an_error_are_evidence_and_not_the_model_s() -> None:
    synthetic = {
        "type": "assistant",
        "error": "rate_limit",
        "message": {"model": "<synthetic>", "content": [said("API Error: Request rejected (429)")]},
    }
    following = Following().follow(synthetic, result(is_error=True, result="API Error: Request rejected (429)"))
    evidence = following.evidence()
    assert following.told() == []
    assert evidence.final_text == ""
    assert evidence.model is None
    assert evidence.lines[0] == synthetic


def test_what_the_model_and_its_tools_said_is_not_in_the_evidence() -> None:
    answer = {"type": "tool_result", "tool_use_id": "t", "content": "SECRET"}
    lines = [assistant(said("SECRET")), {"type": "user", "message": {"content": [answer]}, "tool_use_result": "SECRET"}]
    evidence = Following().follow(*lines, result(result="SECRET")).evidence()
    assert "SECRET" not in str(evidence.lines)


def test_evidence_is_bounded_and_keeps_the_end() -> None:
    lines = [{"type": "system", "subtype": "status", "number": n} for n in range(MAX_LINES * 2)]
    evidence = Following().follow(*lines, result()).evidence()
    assert len(evidence.lines) == MAX_LINES
    assert evidence.lines[-1]["type"] == "result"


def test_the_evidence_of_the_worst_turn_fits_into_a_frame() -> None:
    lines = [{"type": "system", "subtype": "status", "text": "\0" * 2000, "number": n} for n in range(MAX_LINES)]
    evidence = Following().follow(*lines, assistant(said("\0" * 10**6)), result(result="\0" * 10**6)).evidence()
    full = evidence.model_copy(update={"stderr": "\0" * MAX_STDERR})
    assert len(full.model_dump_json().encode()) < MAX_FRAME
    assert full.lines[-1]["type"] == "result"


def test_a_turn_without_a_result_has_the_last_words_and_no_cost() -> None:
    evidence = Following().follow(assistant(said("I was going to"))).evidence(error="the CLI ended")
    assert (evidence.final_text, evidence.cost_usd, evidence.error) == ("I was going to", None, "the CLI ended")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            {
                "type": "system",
                "subtype": "api_retry",
                "attempt": 1,
                "max_retries": 2,
                "retry_delay_ms": 610.3,
                "error_status": 529,
            },
            "The model's API answered 529. Trying again in 0.6 s (1 of 2).",
        ),
        (
            {
                "type": "system",
                "subtype": "api_retry",
                "attempt": 1,
                "max_retries": 2,
                "retry_delay_ms": 1000,
                "error_status": None,
            },
            "The model's API did not answer. Trying again in 1.0 s (1 of 2).",
        ),
        (
            {"type": "system", "subtype": "compact_boundary", "compact_metadata": {"pre_tokens": 150_000}},
            "The conversation was compacted, from 150000 tokens.",
        ),
        (
            {"type": "system", "subtype": "init", "mcp_servers": [{"name": "hive", "status": "failed"}]},
            "Tools are missing in this turn: hive (failed).",
        ),
    ],
)
def test_what_an_operator_should_know_is_a_notice(line: Line, words: str) -> None:
    assert Following().follow(line).told() == [(EventKind.NOTICE, words)]


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"type": None},
        {"type": "assistant"},
        {"type": "assistant", "message": "text"},
        {"type": "assistant", "message": {"content": [None, 5, {"type": "tool_use"}], "usage": {"input_tokens": "x"}}},
        {"type": "user", "message": {"content": "plain"}},
        {"type": "user", "message": {"content": [{"type": "tool_result", "content": None}]}},
        {"type": "stream_event", "event": {"delta": []}},
        {"type": "system", "subtype": "init", "mcp_servers": {"a": 1}},
        {"type": "system", "subtype": "api_retry"},
        {"type": "result"},
        {"type": "result", "usage": [], "total_cost_usd": "much", "is_error": "no"},
        {"type": "something new", "deep": [[[[[[[[[["deep"]]]]]]]]]]},
    ],
    ids=str,
)
def test_a_line_of_any_shape_is_read(line: Line) -> None:
    Following().follow(line).evidence()
