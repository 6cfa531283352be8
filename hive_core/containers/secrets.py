"""Secrets on their way into a container: core says their names, and systemd-nspawn reads the files when it starts."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from hive_base.paths import SECRETS, credential
from hive_rpc.errors import InvalidError


def flags(names: Iterable[str], directory: Path = SECRETS) -> list[str]:
    """For systemd-nspawn(1). The names are those of `agent.toml`: no separators, no spaces."""
    return [f"--load-credential={credential(name)}:{directory / name}" for name in sorted(set(names))]


async def check(names: Iterable[str], directory: Path = SECRETS) -> None:
    """Raises InvalidError for a secret that is not there. None is opened."""
    for name in sorted(set(names)):
        if not await asyncio.to_thread((directory / name).is_file):
            raise InvalidError(
                f"There is no secret {name}.", hint=f"As root: install -D -m 0600 /dev/stdin {directory / name}"
            )
