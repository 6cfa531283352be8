"""What of the host an agent's container sees, and where."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hive_base.paths import PREFIX, ContainerPaths, RunPaths, StatePaths

_SAFE = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True)
class Bind:
    """A directory of the host in a container. Never a file: a bound socket goes stale when its server restarts."""

    source: Path
    target: Path
    read_only: bool = False
    idmap: bool = True
    """User n in the container is user n on the host's disk; without it everything belongs to nobody there."""

    def flag(self) -> str:
        """For systemd-nspawn(1). Raises ValueError for a path that the unit could not pass on unquoted."""
        for path in (self.source, self.target):
            if not _SAFE.fullmatch(str(path)):
                raise ValueError(f"{path} cannot be bound: only letters, digits and ./_- may be in the path")
        kind = "--bind-ro" if self.read_only else "--bind"
        return f"{kind}={self.source}:{self.target}{':idmap' if self.idmap else ''}"


def agent_binds(agent: str, run: RunPaths, state: StatePaths) -> Sequence[Bind]:
    """All the binds of an agent's container; every source is there before it starts."""
    inside = ContainerPaths(agent)
    return (
        Bind(PREFIX, PREFIX, read_only=True, idmap=False),
        # One connects through a read-only bind, too; nothing of the container's can wait there for the servers.
        Bind(run.core_directory(agent), inside.core_socket.parent, read_only=True),
        Bind(run.gateway_directory(agent), inside.gateway_socket.parent, read_only=True),
        Bind(state.state(agent), inside.state),
        Bind(state.harness(agent), inside.harness),
        Bind(state.claude(agent), inside.claude),
        Bind(state.shared, inside.shared, read_only=True),
        Bind(state.shared_corner(agent), inside.shared / agent),
    )
