"""Every recorded run of the CLI is classified as the table says, from its file and as a live turn."""

import json
from datetime import datetime

import pytest
from claude_agent_sdk._cli_version import __cli_version__

from hive_agent.classify import Classification, TurnEvidence, classify
from hive_agent.classify.evidence import from_lines, from_report
from hive_agent.runner.recorder import TurnRecorder
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import Event, TurnOutcome
from tests.recording import store
from tests.recording.store import Recording
from tests.support.manual_clock import ManualClock
from tests.unit.recordings_expected import EXPECTED, RESETS_AT

ALL = [recording for version in store.versions() for recording in store.read(version)]


def of_file(recording: Recording) -> Classification:
    return classify(from_lines(recording.lines, exit_code=recording.exit_code, stderr=recording.stderr))


def as_live_turn(recording: Recording) -> TurnFinishedRequest:
    """The run as the runner follows it: line by line, a new turn after each result but the last."""
    events: list[Event] = []
    lines = [json.loads(line) for line in recording.lines]
    last = max((n for n, line in enumerate(lines[:-1]) if line.get("type") == "result"), default=-1)
    recorder = TurnRecorder("trn_1", clock=ManualClock(), emit=events.append, cost_before=0)
    for line in lines[last + 1 :]:
        recorder.follow(line)
    # Over the wire and back: what the harness has is what JSON kept of it.
    report = recorder.evidence(exit_code=recording.exit_code, stderr=recording.stderr, error=None)
    return TurnFinishedRequest.model_validate_json(report.model_dump_json())


@pytest.mark.parametrize("recording", ALL, ids=str)
def test_a_recorded_run_has_its_class(recording: Recording) -> None:
    found = of_file(recording)
    assert found.outcome is EXPECTED[recording.version][recording.name]
    assert found.evidence
    assert found.resets_at == RESETS_AT.get(str(recording))


def test_the_table_has_every_recording_and_no_other() -> None:
    assert {str(r) for r in ALL} == {f"{version}/{name}" for version in EXPECTED for name in EXPECTED[version]}


def test_a_live_turn_is_judged_by_the_same_function_with_the_same_result() -> None:
    def judged(found: Classification) -> tuple[TurnOutcome, datetime | None]:
        return found.outcome, found.resets_at

    differing = [
        str(recording)
        for recording in ALL
        if judged(classify(from_report(as_live_turn(recording)))) != judged(of_file(recording))
    ]
    assert differing == []


def test_evidence_names_the_line_and_the_field() -> None:
    (recording,) = [r for r in ALL if str(r) == "2.1.197/oauth_429_unified_5h"]
    found = of_file(recording).evidence
    limit = next(f for f in found if f.source == "rate_limit_event")
    assert limit.field == "resetsAt"
    assert limit.event is not None
    assert json.loads(recording.lines[limit.event])["rate_limit_info"]["resetsAt"] == int(limit.value)


def test_nothing_at_all_is_a_crash_with_evidence() -> None:
    found = classify(TurnEvidence([]))
    assert found.outcome is TurnOutcome.CRASHED
    assert found.evidence


def test_the_cli_that_comes_with_the_sdk_is_recorded() -> None:
    assert __cli_version__ in store.versions(), "run `make record-cli`, and see docs/claude-cli.md"
