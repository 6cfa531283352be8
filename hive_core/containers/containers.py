"""Agents' containers as units of systemd: whoever filled the root, they are started, stopped and watched the same."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from dbus_fast import Variant

from hive_core.containers.driver import ContainerDriver
from hive_core.containers.models import ContainerSpec, ContainerStatus, container_status, is_between_runs, unit_of
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import AgentFailedError, HiveError
from hive_rpc.types import ContainerState


class Containers:
    """`systemd` watches the units of this prefix: `hive_core.containers.models.UNIT_PREFIX`."""

    def __init__(self, systemd: Systemd, driver: ContainerDriver) -> None:
        self._systemd = systemd
        self._driver = driver

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
        result = await self._systemd.start(unit)
        if result != "done":
            status = await self.status(spec.machine)
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
        """Every container that systemd knows, and then every change, each status once."""
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
                if last.get(status.machine) != status:
                    last[status.machine] = status
                    yield status
