"""A look's cursor and the history that comes with it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hive_core.api.operator_verbs import OperatorVerbs, Parts
from hive_core.looks import NOTHING
from hive_core.operators.audit import Actor
from hive_rpc.interfaces.operator.look import LookHistory, LookRequest, LookVersions

NONE = LookVersions(questions=0, reminders=0, audit=0, people=0, accounts=0, caps=0)


class Busy(OperatorVerbs):
    """Somebody else looks at the hive while the history is read."""

    def __init__(self) -> None:
        async def look(known: str) -> Any:
            return NOTHING, "run 1", False

        async def since(known: LookHistory) -> Any:
            looks.cursor += 1
            return "run 1", None

        looks = SimpleNamespace(cursor=7, versions=NONE, since=look)
        self._parts = cast(Parts, SimpleNamespace(looks=looks, events=SimpleNamespace(since=since)))
        self._actor = Actor("ada", "web.sock")


@pytest.mark.parametrize("hive", [True, False])
async def test_the_history_has_everything_up_to_the_cursor(hive: bool) -> None:
    asked = LookRequest(hive=hive, history=LookHistory(agent="worker", after=0, version=""))
    assert (await Busy().look(asked)).cursor == 7
