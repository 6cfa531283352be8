"""systemd, as far as core drives it: jobs, properties, and the states of units."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from dbus_fast import Message, Variant

from hive_base.clock import Clock
from hive_core.systemd.bus import BUS_NAME, SystemBus, values
from hive_core.systemd.jobs import Jobs
from hive_core.systemd.models import UnitState, unit_state
from hive_core.systemd.names import UNITS, unit_name, unit_path
from hive_core.systemd.units import Units
from hive_rpc.errors import HiveError, NotFoundError, UnavailableError

log = logging.getLogger(__name__)

SYSTEMD = "org.freedesktop.systemd1"
SYSTEMD_PATH = "/org/freedesktop/systemd1"
MANAGER = f"{SYSTEMD}.Manager"
UNIT = f"{SYSTEMD}.Unit"
MACHINED = "org.freedesktop.machine1"
PROPERTIES = "org.freedesktop.DBus.Properties"
_MATCHES = (
    f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{SYSTEMD}',interface='{PROPERTIES}',path_namespace='{UNITS}'",
    f"type='signal',sender='{BUS_NAME}',member='NameOwnerChanged',arg0='{SYSTEMD}'",
)
_LONGEST_PAUSE = 10.0
"""Seconds between two attempts to reach the bus again."""


class Systemd:
    """The machine's service manager, over the system bus.

    `connect` first, then keep `run` running: it makes the connection again when the bus or systemd was restarted.
    """

    def __init__(self, clock: Clock, *, watched: str, address: str | None = None) -> None:
        """`watched` is how the names of the units begin that `watch` tells of; `address` is for another bus."""
        self._clock = clock
        self._address = address
        self._bus: SystemBus | None = None
        self._jobs = Jobs()
        self._units = Units(watched)
        self._systemd_is_new = asyncio.Event()

    async def connect(self) -> None:
        """Raises UnavailableError."""
        self._bus = bus = await SystemBus.connect(self._on_signal, self._address)
        try:
            for rule in _MATCHES:
                await bus.match(rule)
            await self._subscribe()
        except HiveError:
            bus.close()
            raise

    async def run(self) -> None:
        """Keep connected until cancelled; then close the connection."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_connected())
                group.create_task(self._keep_subscribed())
        finally:
            if self._bus is not None:
                self._bus.close()

    async def start(self, unit: str) -> str:
        """Start a unit and wait for the job's result, `done` when it is up. For the cause of another, ask `state`."""
        return await self._job("StartUnit", unit)

    async def stop(self, unit: str) -> str:
        """Stop a unit and wait for the job's result."""
        return await self._job("StopUnit", unit)

    async def restart(self, unit: str) -> str:
        return await self._job("RestartUnit", unit)

    async def kill(self, unit: str, signal: int) -> None:
        """Send a signal to every process of a unit."""
        await self._manager("KillUnit", "ssi", (unit, "all", signal))

    async def reset_failed(self, unit: str) -> None:
        """Forget failures and counted starts, so that the start limit begins anew."""
        # A unit that is not loaded has neither.
        with suppress(NotFoundError):
            await self._manager("ResetFailedUnit", "s", (unit,))

    async def set_properties(self, unit: str, properties: Mapping[str, Variant]) -> None:
        """Change a unit's resource limits until the machine is rebooted, whether it runs or not."""
        body = (unit, True, [[name, value] for name, value in properties.items()])
        await self._manager("SetUnitProperties", "sba(sv)", body)

    async def state(self, unit: str) -> UnitState:
        """A unit's state now; one that systemd has not loaded is loaded for it, and inactive."""
        return unit_state(unit, await self.properties(unit))

    async def properties(self, unit: str) -> dict[str, Any]:
        """Every property of a unit."""
        # The empty interface means all of them, in one answer and so of one moment.
        (found,) = await self._call(unit_path(unit), PROPERTIES, "GetAll", "s", ("",))
        return values(found)

    async def leader(self, machine: str) -> int:
        """The pid of a machine's init, as systemd-machined knows it. Raises NotFoundError when there is none."""
        manager = (MACHINED, "/org/freedesktop/machine1", f"{MACHINED}.Manager")
        (path,) = await self._connection.call(*manager, "GetMachine", "s", (machine,))
        (found,) = await self._connection.call(
            MACHINED, path, PROPERTIES, "Get", "ss", (f"{MACHINED}.Machine", "Leader")
        )
        return int(found.value)

    async def watch(self) -> AsyncGenerator[UnitState, None]:
        """The watched units that are loaded, and then every change, each state once."""
        with self._units.watcher() as queue:
            try:
                await self._refresh()
            except HiveError as error:
                log.warning("the units are not known before the system bus is back: %s", error.sentence())
            while True:
                yield await queue.get()

    async def _job(self, method: str, unit: str) -> str:
        with self._jobs.asking():
            (job,) = await self._manager(method, "ss", (unit, "replace"))
            return await self._jobs.result(job)

    async def _manager(self, member: str, signature: str = "", body: Sequence[Any] = ()) -> Sequence[Any]:
        return await self._call(SYSTEMD_PATH, MANAGER, member, signature, body)

    async def _call(self, path: str, interface: str, member: str, signature: str, body: Sequence[Any]) -> Sequence[Any]:
        return await self._connection.call(SYSTEMD, path, interface, member, signature, body)

    @property
    def _connection(self) -> SystemBus:
        if self._bus is None:
            raise UnavailableError("The system bus was never reached.")
        return self._bus

    async def _subscribe(self) -> None:
        if self._bus is not None:
            already = f"{SYSTEMD}.AlreadySubscribed"
            await self._bus.call(SYSTEMD, SYSTEMD_PATH, MANAGER, "Subscribe", tolerate=already)

    async def _refresh(self) -> None:
        """Read the watched units, in case a change was missed."""
        (listed,) = await self._manager("ListUnitsByPatterns", "asas", ([], [f"{self._units.prefix}*.service"]))
        # A unit that is known and not listed any more was stopped and collected.
        for unit in {entry[0] for entry in listed} | set(self._units.known()):
            asked_at = self._units.news(unit)
            self._units.read(unit, await self.properties(unit), asked_at=asked_at)

    async def _keep_connected(self) -> None:
        while True:
            assert self._bus is not None, "connect comes before run"
            await self._bus.lost()
            log.warning("the connection to the system bus was lost")
            self._jobs.lost(UnavailableError("The system bus was restarted while systemd was at work."))
            await self._reconnect()

    async def _reconnect(self) -> None:
        pause = 0.1
        while True:
            try:
                await self.connect()
                await self._refresh()
            except HiveError as error:
                log.warning("%s", error.sentence())
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                log.info("the system bus is back")
                return

    async def _keep_subscribed(self) -> None:
        """systemd forgets its subscribers when it is executed anew."""
        while True:
            await self._systemd_is_new.wait()
            self._systemd_is_new.clear()
            try:
                await self._subscribe()
                await self._refresh()
            except HiveError as error:
                log.warning("systemd was restarted and does not answer yet: %s", error.sentence())

    def _on_signal(self, message: Message) -> None:
        if message.member == "JobRemoved":
            _, job, _, result = message.body
            self._jobs.removed(job, result)
        elif message.member == "PropertiesChanged":
            unit = unit_name(message.path or "")
            interface, changed, _ = message.body
            if unit is not None and unit.startswith(self._units.prefix):
                self._units.changed(unit, values(changed), complete=interface == UNIT)
        elif message.member == "NameOwnerChanged" and message.body[2]:
            self._systemd_is_new.set()
