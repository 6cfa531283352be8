"""A job that is being carried out, as its handler sees it."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from functools import partial

from hive_base.clock import Clock
from hive_core.jobs import rows
from hive_core.jobs.rows import SQL, Entry
from hive_core.operators.audit import Actor
from hive_core.store import Database, to_ms
from hive_rpc.configuration import Job, JobStep
from hive_rpc.errors import ConflictError

_STEPS = list(JobStep)


class CancelledJobError(ConflictError):
    """The job was called off."""


class Running:
    """Its step and details are on the disk before the handler goes on: the next core begins there."""

    def __init__(self, database: Database, clock: Clock, entry: Entry, *, resumed: bool) -> None:
        self._db = database
        self._clock = clock
        self._details = dict(entry.details)
        self.job: Job = entry.job
        self.actor: Actor = entry.actor
        self.resumed = resumed
        """An earlier core had begun it."""
        self.called_off = asyncio.Event()
        """Somebody wants it to end before it changes anything."""

    @property
    def details(self) -> Mapping[str, str]:
        return self._details

    def reached(self, step: JobStep) -> bool:
        """An earlier core had come to this step, or further."""
        return _STEPS.index(self.job.step) >= _STEPS.index(step)

    async def step(self, step: JobStep, **details: str) -> None:
        """Enter a step. Raises CancelledJobError when the job was called off and nothing was changed yet."""
        if self.called_off.is_set() and step is JobStep.APPLY:
            raise CancelledJobError
        self._details |= details
        parameters = {"id": self.job.id, "step": step, "details": json.dumps(self._details, sort_keys=True)}
        await self._db.write(lambda c: c.execute(SQL.step, parameters).rowcount)
        self.job = self.job.model_copy(update={"step": step})

    async def say(self, *lines: str) -> None:
        """Add to the log."""
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> None:
            for line in lines:
                rows.say(connection, self.job.id, line, now)

        await self._db.write(write)

    async def log(self) -> str:
        return await self._db.read(partial(rows.log, job_id=self.job.id))
