"""`/etc/nixos-containers/<machine>.conf`: what `container@.service` has in its environment."""

import asyncio
import shlex
from collections.abc import Mapping
from pathlib import Path

from hive_rpc.errors import StorageError


class Confs:
    """Variables without quotes, backslashes and newlines in their values (systemd.exec(5), EnvironmentFile=)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def read(self, machine: str) -> dict[str, str]:
        """Empty when there is none."""
        try:
            text = await asyncio.to_thread(self.path(machine).read_text)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unusable(machine, error) from error
        words = shlex.split(text, comments=True)
        return dict(word.split("=", 1) for word in words if "=" in word)

    async def write(self, machine: str, variables: Mapping[str, str]) -> None:
        """In place of what is there. Raises StorageError."""
        text = "".join(f'{name}="{value}"\n' for name, value in variables.items())
        try:
            await asyncio.to_thread(self._write, machine, text)
        except OSError as error:
            raise _unusable(machine, error) from error

    async def touch(self, machine: str) -> None:
        """Have one. Not an empty one: while there is such a file, `nixos-container` creates nothing at all."""
        if not await self.read(machine):
            await self.write(machine, {"PRIVATE_NETWORK": "1"})

    async def remove(self, machine: str) -> None:
        """No error when there is none."""
        await asyncio.to_thread(self.path(machine).unlink, missing_ok=True)

    def _write(self, machine: str, text: str) -> None:
        self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = self.path(machine).with_suffix(".new")
        new.write_text(text)
        new.replace(self.path(machine))

    def path(self, machine: str) -> Path:
        return self._directory / f"{machine}.conf"


def _unusable(machine: str, error: OSError) -> StorageError:
    return StorageError(f"The settings of {machine} cannot be read or written: {error}.")
