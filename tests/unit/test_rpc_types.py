"""What a value on the wire may be, whoever sends it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from hive_rpc.interface import methods
from hive_rpc.interfaces.agent import (
    Agent,
    HelloRequest,
    IdsRequest,
    PushEventsRequest,
    ReportStateRequest,
    SendRequest,
)
from hive_rpc.types import tool_words


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-14:00",  # has no name in UTC
        "9999-12-31T23:59:59Z",  # and this one none east of Greenwich
        "0001-01-01T00:00:00+14:00",
        "3000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
    ],
)
def test_a_moment_that_not_every_clock_can_say_is_refused(moment: str) -> None:
    with pytest.raises(ValidationError, match="between 1970 and 3000"):
        ReportStateRequest.model_validate({"state": "parked", "until": moment})


def test_any_other_moment_is_taken_and_said_in_utc() -> None:
    report = ReportStateRequest.model_validate({"state": "parked", "until": "2026-01-01T01:00:00+02:00"})
    assert report.until == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert '"2025-12-31T23:00:00.000Z"' in report.model_dump_json()


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        (HelloRequest, {"instance": "i" * 128}, {"instance": "i" * 129}),
        (IdsRequest, {"ids": ["m"] * 1000}, {"ids": ["m"] * 1001}),
        (IdsRequest, {"ids": ["m" * 128]}, {"ids": ["m" * 129]}),
        (SendRequest, {"to": "a", "body": "b", "key": "k"}, {"to": "a", "body": "b", "key": "k" * 129}),
        (SendRequest, {"to": "a", "body": "b"}, {"to": "a" * 129, "body": "b"}),
        (
            PushEventsRequest,
            {"events": [{"kind": "text", "at": "2026-01-01T00:00:00Z"}] * 200},
            {"events": [{"kind": "text", "at": "2026-01-01T00:00:00Z"}] * 201},
        ),
    ],
)
def test_what_core_keeps_or_goes_through_one_by_one_is_bounded(
    model: Any, good: dict[str, object], bad: dict[str, object]
) -> None:
    model.model_validate(good)
    with pytest.raises(ValidationError):
        model.model_validate(bad)
    assert model in {method.request for method in methods(Agent).values()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mcp__hive__send", "hive · send"),
        ("mcp__my_db__look_up", "my_db · look_up"),
        ("Bash", "Bash"),
        ("mcp__", "mcp__"),
    ],
)
def test_a_tool_is_called_by_its_server_and_its_own_name(name: str, said: str) -> None:
    assert tool_words(name) == said
