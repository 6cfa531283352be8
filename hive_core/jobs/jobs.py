"""The queue: what is asked for survives core, is done once, and in order for each agent."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from hive_base.clock import Clock
from hive_core.frames import fitting
from hive_core.jobs import rows
from hive_core.jobs.orders import Order
from hive_core.jobs.rows import SQL, Entry
from hive_core.jobs.running import CancelledJobError, Running
from hive_core.operators.audit import Actor, Audit
from hive_core.store import Database, from_ms, to_ms
from hive_core.wakes import Wakes
from hive_rpc.configuration import Job, JobKind, JobState, JobStep
from hive_rpc.errors import AgentFailedError, ConflictError, HiveError, StorageError
from hive_rpc.types import SYSTEM, Message

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Jobs of different agents that run at the same time."""
RETRY_SECONDS = 5.0
_MAX_WAIT = 3600.0

Handler = Callable[[Running], Awaitable[None]]
Ended = Callable[[sqlite3.Connection, Entry, int], Sequence[Message]]
"""Called in the transaction that ends a job, with the time; gives the messages that it stored."""


class Jobs:
    """`handlers` say how each kind is done. `run` does the work."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        handlers: Mapping[JobKind, Handler],
        begun: Callable[[sqlite3.Connection, Entry], None],
        ended: Ended,
        announce: Callable[[Sequence[Message]], None],
    ) -> None:
        self._db = database
        self._clock = clock
        self._handlers = handlers
        self._begun = begun
        self._ended = ended
        self._announce = announce
        self._changed = asyncio.Event()
        self._wakes = Wakes(clock)
        self._running: dict[str, Running] = {}

    async def run(self) -> None:
        """Carry out what waits and what an earlier core had begun, until cancelled; what is under way stays begun."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for entry in self._next(await self._open()):
                    resumed = entry.job.state is JobState.RUNNING
                    running = self._running[entry.job.agent] = Running(self._db, self._clock, entry, resumed=resumed)
                    group.create_task(self._carry(running))
                await self._changed.wait()

    async def _open(self) -> list[Entry]:
        while True:
            try:
                return await self._db.read(lambda c: [rows.entry(r) for r in c.execute(SQL.open, {"agent": None})])
            except StorageError as error:
                await self._put_off(error)

    async def _put_off(self, error: StorageError) -> None:
        """The disk may work again any moment, and core need not be restarted for it."""
        log.error("Put off for %g s: %s", RETRY_SECONDS, error.sentence())
        await self._clock.sleep(RETRY_SECONDS)

    async def submit(self, *orders: Order) -> list[Job]:
        """Queue them, all or none."""
        now = to_ms(self._clock.now())
        added = await self._db.write(lambda c: [rows.add(c, order, now).job for order in orders])
        self.queued()
        return added

    def queued(self) -> None:
        """There is more in the table than before."""
        self._changed.set()

    async def do(self, order: Order) -> Job:
        """Queue it and wait for its end. Raises what it failed with, as AgentFailedError, or ConflictError."""
        (job,) = await self.submit(order)
        ended, _ = await self.wait(job.id)
        match ended.state:
            case JobState.FAILED:
                raise AgentFailedError(ended.error)
            case JobState.CANCELLED:
                raise ConflictError(ended.error or "The job was called off.")
        return ended

    async def wait(self, job_id: str) -> tuple[Job, str]:
        """The job with its log, once it has ended."""
        with self._wakes.listen(job_id) as woken:
            while True:
                job, said = await self.get(job_id)
                if job.state.ended:
                    return job, said
                await self._wakes.wait(woken, _MAX_WAIT)

    async def get(self, job_id: str) -> tuple[Job, str]:
        """Raises NotFoundError."""
        return await self._db.read(lambda c: (rows.get(c, job_id).job, rows.log(c, job_id)))

    async def page(self, agent: str | None, limit: int) -> list[Job]:
        """Those that have not ended in their order, then the newest of the others."""
        parameters = {"agent": agent, "limit": max(1, min(limit, 200))}

        def read(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            found: list[sqlite3.Row] = connection.execute(SQL.open, parameters).fetchall()
            return found + connection.execute(SQL.ended, parameters).fetchall()

        return fitting(rows.entry(row).job for row in await self._db.read(read))

    async def cancel(self, job_id: str, actor: Actor) -> tuple[Job, str]:
        """Call it off. Raises ConflictError when it is too late."""
        entry = await self._db.read(partial(rows.get, job_id=job_id))
        running = self._running.get(entry.job.agent)
        if running is not None and running.job.id == job_id:
            begins = running.job.step is JobStep.BEGIN and entry.job.kind is JobKind.REBUILD
            if not begins and running.job.step is not JobStep.BUILD:
                raise ConflictError(f"{job_id} is under way and cannot be called off any more.")
            running.called_off.set()
            await self._db.write(lambda c: _called_off(c, actor, entry.job, "asked", self._clock.now()))
            return await self.wait(job_id)
        if entry.job.state.ended:
            raise ConflictError(f"{job_id} has ended: it is {entry.job.state}.")
        await self._end([entry], JobState.CANCELLED, f"{actor.name} called it off.", by=actor)
        return await self.get(job_id)

    def _next(self, entries: Sequence[Entry]) -> list[Entry]:
        """Of the open jobs those that can begin now. What is about the whole hive is done alone."""
        if SYSTEM in self._running:
            return []
        seen: set[str] = set(self._running)
        room = AT_ONCE - len(self._running)
        found: list[Entry] = []
        for entry in entries:
            if entry.job.agent == SYSTEM:
                return found or ([] if self._running else [entry])
            if entry.job.agent in seen:
                continue
            seen.add(entry.job.agent)
            if len(found) < room and not self._is_early(entry, entries):
                found.append(entry)
        return found

    @staticmethod
    def _is_early(entry: Entry, entries: Iterable[Entry]) -> bool:
        """An earlier wave is not through."""
        return entry.batch is not None and any(
            other.batch == entry.batch and other.job.wave < entry.job.wave for other in entries
        )

    async def _carry(self, running: Running) -> None:
        try:
            entry = await self._begin(running)
            if entry is not None:
                await self._carry_out(running, entry)
        except StorageError as error:
            await self._put_off(error)
        finally:
            del self._running[running.job.agent]
            self._changed.set()

    async def _carry_out(self, running: Running, entry: Entry) -> None:
        try:
            await self._handlers[running.job.kind](running)
        except CancelledJobError as error:
            await self._end([entry], JobState.CANCELLED, error.message)
        except HiveError as error:
            await running.say(error.sentence())
            await self._end([entry], JobState.FAILED, error.sentence())
        except Exception as error:
            log.exception("the job %s failed", running.job.id)
            await self._end([entry], JobState.FAILED, f"A bug in hive: {error!r}. Its log has the details.")
        else:
            overtaken = await self._overtaken(running.job)
            await self._end([entry], JobState.DONE, None)
            await self._end(overtaken, JobState.CANCELLED, f"{running.job.agent} was destroyed.")

    async def _begin(self, running: Running) -> Entry | None:
        """None when it was called off in the last moment."""
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> Entry | None:
            if running.resumed:
                rows.say(connection, running.job.id, f"Core was restarted; going on at {running.job.step}.", now)
            elif not connection.execute(SQL.begin, {"id": running.job.id, "now": now}).rowcount:
                return None
            entry = rows.get(connection, running.job.id)
            self._begun(connection, entry)
            return entry

        return await self._db.write(write)

    async def _overtaken(self, job: Job) -> list[Entry]:
        if job.kind is not JobKind.DESTROY:
            return []
        return await self._db.read(
            lambda c: [rows.entry(row) for row in c.execute(SQL.overtaken, {"agent": job.agent})]
        )

    async def _end(self, entries: Sequence[Entry], state: JobState, error: str | None, by: Actor | None = None) -> None:
        """`by` is who ended it, where somebody did. The other row is of whoever asked for the job."""
        now = to_ms(self._clock.now())

        def write(connection: sqlite3.Connection) -> list[Message]:
            told: list[Message] = []
            for entry in entries:
                job = entry.job
                if by is not None:
                    _called_off(connection, by, job, "done", from_ms(now))
                connection.execute(SQL.end, {"id": job.id, "state": state, "error": error, "now": now})
                details = {"job": job.id} | ({"error": error} if error else {})
                Audit.record(connection, from_ms(now), entry.actor, job.kind, job.agent, outcome=state, details=details)
                told += self._ended(connection, rows.get(connection, job.id), now)
            return told

        self._announce(await self._db.write(write))
        for entry in entries:
            self._wakes.notify(entry.job.id)


def _called_off(connection: sqlite3.Connection, actor: Actor, job: Job, outcome: str, now: datetime) -> None:
    Audit.record(connection, now, actor, "cancel_job", job.agent, outcome=outcome, details={"job": job.id})
