"""What an operator reads before saying yes to a tool."""

from typing import Any

import pytest

from hive_agent.harness.permits import _readable
from hive_rpc.interfaces.runner import PermitRequest


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"command": "ls"}, "ls"),
        ({"command": "ls", "description": "Look around"}, "ls"),
        ({"command": "status", "host": "production"}, '{\n "host": "production"\n}\n\nstatus'),
        ({"command": 1}, '{\n "command": 1\n}'),
    ],
)
def test_a_command_hides_no_argument_that_goes_with_it(arguments: dict[str, Any], shown: str) -> None:
    assert _readable(PermitRequest.model_construct(tool="mcp__x__do", arguments=arguments)) == shown
