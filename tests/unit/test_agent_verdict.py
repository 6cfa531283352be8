"""The outcome of a turn, from its evidence."""

from typing import Any

import pytest

from hive_agent.classify import Cancel
from hive_agent.harness.verdict import CutShort, Verdict, judge
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import TurnOutcome

INIT = {"type": "system", "subtype": "init"}
LOST = "No conversation found with session ID: x"


def evidence(**fields: Any) -> TurnFinishedRequest:
    return TurnFinishedRequest(turn_id="t", **fields)


def result(**fields: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success"} | fields


@pytest.mark.parametrize(
    ("given", "outcome", "reason"),
    [
        (evidence(lines=[INIT, result(is_error=False)], exit_code=0), TurnOutcome.OK, ""),
        (
            evidence(lines=[INIT, result(is_error=True, api_error_status=529, result="API Error: 529 Overloaded")]),
            TurnOutcome.OVERLOADED,
            "API Error: 529 Overloaded",
        ),
        (
            evidence(lines=[INIT, result(subtype="error_during_execution", is_error=True, errors=[LOST])]),
            TurnOutcome.SESSION_LOST,
            LOST,
        ),
        (
            evidence(exit_code=1, stderr="Error: Session ID x is already in use.\n", error="the CLI ended"),
            TurnOutcome.SESSION_LOST,
            "its id is taken",
        ),
        (
            evidence(lines=[INIT], exit_code=-9, error="the CLI ended"),
            TurnOutcome.CRASHED,
            "the CLI ended, exit code -9",
        ),
        (
            evidence(exit_code=1, stderr="a\nerror: unknown option '--x'\n"),
            TurnOutcome.CONFIGURATION,
            "the CLI gave no result, exit code 1: error: unknown option '--x'",
        ),
        (evidence(error="the runner was killed by signal 9"), TurnOutcome.CRASHED, "the runner was killed by signal 9"),
    ],
)
def test_the_outcome_is_classified_and_the_reason_is_in_words(
    given: TurnFinishedRequest, outcome: TurnOutcome, reason: str
) -> None:
    assert judge(given) == Verdict(outcome, reason)


@pytest.mark.parametrize(
    ("cancel", "outcome"),
    [
        (Cancel.REQUESTED, TurnOutcome.INTERRUPTED),
        (Cancel.TIME_LIMIT, TurnOutcome.INTERRUPTED),
        (Cancel.SILENCE, TurnOutcome.NETWORK),
    ],
)
def test_a_turn_that_we_cut_short_says_why(cancel: Cancel, outcome: TurnOutcome) -> None:
    given = evidence(lines=[INIT], error="the runner was killed by signal 9")
    assert judge(given, CutShort(cancel, "it was time")) == Verdict(outcome, "it was time")


def test_a_turn_that_was_done_before_the_interrupt_reached_it_is_done() -> None:
    given = evidence(lines=[INIT, result(is_error=False)], exit_code=0)
    assert judge(given, CutShort(Cancel.REQUESTED, "an operator cancelled it")) == Verdict(TurnOutcome.OK)


def test_what_the_model_says_decides_nothing() -> None:
    given = evidence(lines=[INIT, result(is_error=False)], final_text=LOST)
    assert judge(given).outcome is TurnOutcome.OK
