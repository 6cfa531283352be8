"""Agents' containers as units of systemd: whoever filled the root, they are started, stopped and watched the same."""

import logging
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path

from dbus_fast import Variant

from hive_core.containers.driver import ContainerDriver
from hive_core.containers.mapping import is_mapped
from hive_core.containers.models import ContainerSpec, ContainerStatus, container_status, is_between_runs, unit_of
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import AgentFailedError, HiveError, NotFoundError
from hive_rpc.types import ContainerState

UNMAPPED = "ran without a user namespace of its own, where its root is the machine's, and was killed"

log = logging.getLogger(__name__)


class Containers:
    """`systemd` watches the units of this prefix: `hive_core.containers.models.UNIT_PREFIX`."""

    def __init__(self, systemd: Systemd, driver: ContainerDriver, *, proc: Path = Path("/proc")) -> None:
        self._systemd = systemd
        self._driver = driver
        self._proc = proc
        self._ended: dict[str, str] = {}
        """By machine, the run that was ended because it was unmapped; what systemd says of its end is not the cause."""

    async def status(self, machine: str) -> ContainerStatus:
        return container_status(await self._systemd.state(unit_of(machine)))

    async def start(self, spec: ContainerSpec) -> None:
        """Fill the root and boot the container. Raises AgentFailedError when it does not come up.

        That it is up says that its init is, not that its harness runs.
        """
        unit = unit_of(spec.machine)
        # One that runs, or that systemd is about to start again, would have its root changed under it.
        await self.stop(spec.machine)
        await self._driver.fill(spec)
        before = self._ended.get(spec.machine)
        result = await self._systemd.start(unit)
        status = await self.status(spec.machine)
        if await self._is_unmapped(status):
            await self._end(status)
        # Who watches may have seen it before, and ended it.
        if self._ended.get(spec.machine) != before:
            raise AgentFailedError(f"The container of {spec.agent} {UNMAPPED}.")
        if result != "done":
            raise AgentFailedError(f"The container of {spec.agent} {status.failure or f'did not start ({result})'}.")

    async def reload(self, spec: ContainerSpec) -> bool:
        """Have a container that runs take on another spec without a boot; False when it needs one. Raises HiveError."""
        running = (await self.status(spec.machine)).state is ContainerState.RUNNING
        return running and await self._driver.reload(spec)

    async def limit(self, machine: str, *, memory_mib: int, cpu_percent: int, tasks: int) -> None:
        """Set what the container and everything in it may use, at once and for each start until the next reboot."""
        await self._systemd.set_properties(
            unit_of(machine),
            {
                "MemoryMax": Variant("t", memory_mib * 1024 * 1024),
                "CPUQuotaPerSecUSec": Variant("t", cpu_percent * 10_000),
                "TasksMax": Variant("t", tasks),
            },
        )

    async def stop(self, machine: str) -> None:
        """Shut the container down, and kill what is left of it; no error when it does not run."""
        unit = unit_of(machine)
        if (await self.status(machine)).state is ContainerState.STARTING:
            # An init that has just begun does not hear yet that it is to halt, and would be waited for in vain.
            with suppress(HiveError):
                await self.kill(machine, signal.SIGKILL)
        await self._systemd.stop(unit)
        # A stop that had to kill, or a failure from before, would count against the next start.
        await self._systemd.reset_failed(unit)

    async def kill(self, machine: str, signal: int) -> None:
        """Send a signal to every process of the container."""
        await self._systemd.kill(unit_of(machine), signal)

    async def remove(self, machine: str) -> None:
        """Stop the container and delete its root; no error when there is none."""
        await self.stop(machine)
        await self._driver.remove(machine)

    async def watch(self) -> AsyncGenerator[ContainerStatus, None]:
        """Every container that systemd knows, and then every change, each status once.

        One that runs without a user namespace of its own, whoever started it, is ended, and told as failed. Raises
        HiveError when systemd cannot be asked about that.
        """
        last: dict[str, ContainerStatus] = {}
        async with aclosing(self._systemd.watch()) as units:
            async for unit in units:
                if is_between_runs(unit):
                    continue
                status = container_status(unit)
                if status.given_up:
                    # systemd calls a unit failed for a moment even if it has planned its restart: what does it say now?
                    with suppress(HiveError):
                        status = await self.status(status.machine)
                # A unit that systemd has unloaded since has no run at all.
                if status.machine in self._ended and status.invocation in (self._ended[status.machine], ""):
                    continue
                if last.get(status.machine) == status:
                    continue
                if await self._is_unmapped(status):
                    await self._end(status)
                    status = replace(status, state=ContainerState.FAILED, failure=UNMAPPED, given_up=True)
                last[status.machine] = status
                yield status

    async def _is_unmapped(self, status: ContainerStatus) -> bool:
        """Whether this very run is up and is not seen to have users of its own."""
        if status.state is not ContainerState.RUNNING:
            return False
        with suppress(NotFoundError):
            if await is_mapped(await self._systemd.leader(status.machine), self._proc):
                return False
        # It may have ended meanwhile.
        now = await self.status(status.machine)
        return (now.state, now.invocation) == (status.state, status.invocation)

    async def _end(self, run: ContainerStatus) -> None:
        """At once, and for good: systemd would start again what was killed."""
        log.error("the container %s %s", run.machine, UNMAPPED)
        self._ended[run.machine] = run.invocation
        with suppress(HiveError):
            await self.kill(run.machine, signal.SIGKILL)
        await self.stop(run.machine)
