"""Runs the checks; one that itself fails is a finding, not the end of the examination."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from hive_rpc.interfaces.operator.hive import Check

log = logging.getLogger(__name__)

Examination = Callable[[], Awaitable[Sequence[Check]]]
"""One thing to look at; several findings if it looks at several (each agent, say)."""


class Doctor:
    def __init__(self, examinations: Sequence[Examination]) -> None:
        self._examinations = examinations
        self._examining = asyncio.Lock()

    async def examine(self) -> list[Check]:
        """Once at a time: whoever may look at the hive may ask for it, and it reads whole databases."""
        async with self._examining:
            return await self._examine()

    async def _examine(self) -> list[Check]:
        found: list[Check] = []
        for examination in self._examinations:
            name = getattr(examination, "__name__", type(examination).__name__)
            try:
                found += await examination()
            except Exception as error:
                log.exception("the examination %s failed", name)
                found.append(
                    Check(name=name, ok=False, detail=f"Could not be examined: {error}", remedy="See hive-core's log.")
                )
        return found
