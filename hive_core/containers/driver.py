"""Who fills a container's root. Everything else about a container is the same for all of them."""

from typing import Protocol

from hive_core.containers.models import ContainerSpec


class ContainerDriver(Protocol):
    async def fill(self, spec: ContainerSpec) -> None:
        """Make or renew the machine's root and its conf. The machine does not run, and every bind's source is there.

        Raises HiveError.
        """

    async def remove(self, machine: str) -> None:
        """Delete the machine's root and its conf; no error for what is not there. The machine does not run."""
