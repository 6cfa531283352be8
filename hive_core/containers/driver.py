"""Who fills a container's root. Everything else about a container is the same for all of them."""

from typing import Protocol

from hive_core.containers.models import ContainerSpec


class ContainerDriver(Protocol):
    """A spec is all that a machine is made of. Whoever goes back to an earlier one asks for that one again."""

    async def check(self) -> None:
        """Raises ConflictError where this machine cannot run such containers, with what it lacks."""

    async def fill(self, spec: ContainerSpec) -> None:
        """Make or renew the machine's root and its conf. The machine does not run, and every bind's source is there.

        Raises HiveError.
        """

    async def reload(self, spec: ContainerSpec) -> bool:
        """Have the machine, which runs, take on another spec; False, and nothing changed, when that needs a boot.

        What it runs inside may have been restarted, and is as it was half-way when this raises HiveError: boot it then.
        """

    async def remove(self, machine: str) -> None:
        """Delete the machine's root and its conf; no error for what is not there. The machine does not run."""
