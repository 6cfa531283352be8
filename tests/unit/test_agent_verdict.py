"""The outcome of a turn, from its evidence."""

from typing import Any

import pytest

from hive_agent.harness.verdict import Verdict, classify
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import TurnOutcome


def evidence(**fields: Any) -> TurnFinishedRequest:
    return TurnFinishedRequest(turn_id="t", **fields)


def result(**fields: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success"} | fields


@pytest.mark.parametrize(
    ("given", "outcome", "reason"),
    [
        (evidence(lines=[result(is_error=False)]), TurnOutcome.OK, ""),
        (
            evidence(lines=[result(is_error=True, result="API Error: 500")]),
            TurnOutcome.CRASHED,
            "API Error: 500",
        ),
        (
            evidence(lines=[result(is_error=True, errors=["No conversation found with session ID: x"])]),
            TurnOutcome.SESSION_LOST,
            "the CLI has no transcript of the conversation",
        ),
        (
            evidence(exit_code=1, stderr="Error: Session ID x is already in use.\n"),
            TurnOutcome.SESSION_LOST,
            "Error: Session ID x is already in use.",
        ),
        (
            evidence(exit_code=-9, error="the CLI ended"),
            TurnOutcome.CRASHED,
            "the CLI ended, exit code -9",
        ),
        (
            evidence(exit_code=1, stderr="a\nerror: unknown option '--x'\n"),
            TurnOutcome.CRASHED,
            "the CLI gave no result, exit code 1: error: unknown option '--x'",
        ),
        (evidence(error="the runner was killed by signal 9"), TurnOutcome.CRASHED, "the runner was killed by signal 9"),
        (evidence(lines=[result()]), TurnOutcome.CRASHED, "the CLI reported an error without a text"),
    ],
)
def test_the_outcome_follows_from_the_last_result_or_its_absence(
    given: TurnFinishedRequest, outcome: TurnOutcome, reason: str
) -> None:
    assert classify(given, cut_short=None) == Verdict(outcome, reason)


def test_a_turn_that_we_ended_is_interrupted_whatever_it_says() -> None:
    given = evidence(lines=[result(is_error=False)])
    assert classify(given, cut_short="an operator cancelled it") == Verdict(
        TurnOutcome.INTERRUPTED, "an operator cancelled it"
    )


def test_what_the_model_says_decides_nothing() -> None:
    given = evidence(lines=[result(is_error=False)], final_text="No conversation found with session ID")
    assert classify(given, cut_short=None).outcome is TurnOutcome.OK
