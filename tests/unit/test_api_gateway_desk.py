"""What the gateway says of itself, as core takes it."""

from typing import cast

from hive_core.accounts.line import GatewayLine
from hive_core.accounts.standing import Standing
from hive_core.api.gateway_desk import GatewayDesk
from hive_core.events.cutting import MAX_REASON
from hive_rpc.interfaces.gateway import ReportBackendRequest

NOBODY = cast(Standing, None)
"""What a gateway reports does not depend on the agents' standing."""


async def test_what_answers_the_agents_holds_as_long_as_the_connection_that_said_it() -> None:
    line = GatewayLine()
    older, newer = GatewayDesk(line=line, standing=NOBODY), GatewayDesk(line=line, standing=NOBODY)
    await older.report_backend(ReportBackendRequest(stand_in=True, description="the stand-in"))
    await newer.report_backend(ReportBackendRequest(stand_in=False, description="the real API"))
    await older.closed()
    assert line.backend is not None
    assert line.backend.description == "the real API"
    await newer.closed()
    assert line.backend is None


async def test_a_description_that_every_status_would_carry_is_bounded() -> None:
    line = GatewayLine()
    desk = GatewayDesk(line=line, standing=NOBODY)
    await desk.report_backend(ReportBackendRequest(stand_in=True, description="x" * 1_000_000))
    assert line.backend is not None
    assert len(line.backend.description) < 2 * MAX_REASON
