"""How many errands run at once, whoever asks for them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hive_base.process import Completed
from hive_core.build import transient
from hive_core.build.sandbox import Errand
from hive_core.build.transient import AT_ONCE, TransientUnits


async def test_short_errands_wait_for_each_other_and_no_build_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[str] = []
    go_on = asyncio.Event()

    async def run(arguments: Sequence[Any], **given: Any) -> Completed:
        running.append(str(arguments[-1]))
        await go_on.wait()
        return Completed(arguments, 0, b"", "")

    monkeypatch.setattr(transient, "run", run)
    units = TransientUnits()
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(units.run(Errand(arguments=["diff"])))
        for _ in range(2):
            group.create_task(units.run(Errand(arguments=["build"], time_limit=4 * 3600)))
        while running.count("build") < 2:
            await asyncio.sleep(0)
        assert running.count("diff") == AT_ONCE
        go_on.set()
    assert running.count("diff") == 50
