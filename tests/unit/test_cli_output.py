"""What the command prints: nothing that an agent wrote steers the reader's terminal."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from hive_cli.commands.status import state_words, turn_words
from hive_cli.output import ago, as_json, harmless, zoned
from hive_rpc.interfaces.operator.hive import AgentStatus
from hive_rpc.types import AgentState, ContainerState, Message, Turn, TurnOutcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0s"), (59, "59s"), (61, "1m"), (3 * 3600, "3h"), (200_000, "2d"), (-5, "0s")]
)
def test_durations_are_said_in_the_largest_unit(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize("dangerous", ["\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "a\rb", "\u202etxt", "\x7f"])
def test_control_characters_are_spelled_out(dangerous: str) -> None:
    shown = harmless(f"before {dangerous} after")
    assert shown.isprintable()
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_tabs_lines_and_other_scripts_stay() -> None:
    text = "a\tb\nc\nžluťoučký 日本語 🐝"
    assert harmless(text) == text


def test_json_keeps_every_character_of_the_body_and_has_no_control_bytes() -> None:
    message = Message(id="msg_1", sender="worker", recipient="operator", body="\x1b[31m\x9b\u202e é", sent_at=NOW)
    text = as_json(message)
    assert json.loads(text)["body"] == message.body
    assert not set(text) & set("\x1b\x9b\u202e")


def agent(**changes: object) -> AgentStatus:
    known = {
        "name": "worker",
        "state": AgentState.IDLE,
        "since": NOW,
        "container": ContainerState.RUNNING,
        "machine": "h-worker",
        "unread": 0,
        "created_at": NOW,
    }
    return AgentStatus.model_validate(known | changes)


def test_a_parked_agent_says_why_and_until_when() -> None:
    until = NOW + timedelta(hours=2, minutes=5)
    shown = state_words(agent(state=AgentState.PARKED, reason="rate limit", until=until), NOW).plain
    assert shown == f"parked: rate limit until {until.astimezone():%H:%M %Z}"


def test_a_day_away_is_said_with_its_date() -> None:
    until = NOW + timedelta(days=3)
    shown = state_words(agent(state=AgentState.PARKED, reason="rate limit", until=until), NOW).plain
    assert f"{until.astimezone():%Y-%m-%d %H:%M %Z}" in shown


def test_a_finished_turn_says_its_outcome_and_time() -> None:
    turn = Turn(
        id="trn_1",
        outcome=TurnOutcome.RATE_LIMITED,
        started_at=NOW - timedelta(minutes=6),
        ended_at=NOW - timedelta(minutes=5),
        duration_seconds=60,
    )
    assert turn_words(turn, NOW).plain == "rate limited 5m ago, took 1m"


def test_a_running_turn_says_for_how_long() -> None:
    turn = Turn(id="trn_1", started_at=NOW - timedelta(seconds=40))
    assert turn_words(turn, NOW).plain == "running for 40s"


def test_a_moment_in_a_sentence_says_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, said in (("UTC", "2026-11-30 00:00:00 UTC"), ("CET-1", "2026-11-30 01:00:00 CET")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert zoned(datetime(2026, 11, 30, tzinfo=UTC)) == said
    monkeypatch.undo()
    time.tzset()
