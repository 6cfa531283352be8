"""What core asks of the place where untrusted repositories are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hive_base.process import Completed


@dataclass(frozen=True)
class Errand:
    """A program, and the little of the state directory that it gets to see. Every path is the same inside."""

    arguments: Sequence[str | Path]
    sees: Sequence[Path] = ()
    """Read-only, whatever the modes of the files below."""
    reads: Sequence[Path] = ()
    """Read-only, what its user may read."""
    changes: Sequence[Path] = ()
    stdin: bytes = b""
    time_limit: float = 30
    """Seconds."""
    output_limit: int = 1024 * 1024
    """Bytes."""
    memory: int = 512 * 1024 * 1024
    """Bytes."""
    nix: bool = False
    """The socket of the machine's Nix daemon is in its reach: what it asks that for, the daemon does for any user."""
    network: bool = False
    heard: Callable[[str], None] | None = None
    """Called with each line of standard error as it comes."""


class Sandbox(Protocol):
    async def run(self, errand: Errand) -> Completed:
        """Run it to its end, whatever its exit code is.

        Raises StorageError when it cannot be run or exceeds a limit.
        """
