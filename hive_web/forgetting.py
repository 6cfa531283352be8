"""What is kept of the hive is forgotten when nobody looks any more, so that nobody finds it who breaks in later."""

from collections.abc import Sequence
from typing import Protocol

from hive_base.clock import Clock
from hive_web.mirror import Mirror

FORGET_SECONDS = 300.0
"""It is kept for so long after the last look, and for twice as long at most. An open page looks all the time."""


class Keeper(Protocol):
    def forget(self) -> None:
        """Everything that was kept of the hive."""


async def forget_unused(mirror: Mirror, others: Sequence[Keeper], clock: Clock) -> None:
    while True:
        looks = mirror.looks
        await clock.sleep(FORGET_SECONDS)
        if mirror.looks == looks:
            for keeper in (mirror, *others):
                keeper.forget()
