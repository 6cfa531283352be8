"""Containers, as the rest of core sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hive_core.containers.binds import Bind
from hive_core.systemd.models import ActiveState, UnitState
from hive_rpc.types import ContainerState


class ContainerKind(StrEnum):
    """Who fills agents' roots."""

    STATELESS = "stateless"
    """A root of a few files, with the machine's own `/usr`."""
    NIXOS = "nixos"
    """A NixOS system, built from the agent's configuration."""


UNIT_PREFIX = "container@"


def unit_of(machine: str) -> str:
    return f"{UNIT_PREFIX}{machine}.service"


@dataclass(frozen=True)
class ContainerSpec:
    """A container to be run."""

    agent: str
    machine: str
    binds: Sequence[Bind] = ()
    """Besides those that every agent's container has."""
    system: Path | None = None
    """The NixOS system that it boots: a path in the store, built. None where the root is stateless."""
    secrets: Sequence[str] = ()
    """The names of those that it is handed."""
    nix: bool = False
    """It may use the machine's nix daemon."""


@dataclass(frozen=True)
class ContainerStatus:
    """An agent's container at one moment."""

    machine: str
    state: ContainerState
    failure: str | None = None
    """How it ended, as `ended with exit code 1`, when that was not its own or our wish."""
    given_up: bool = False
    """It has failed and systemd does not start it again: that was in vain too often, or core forbade it."""
    invocation: str = ""
    """The id of this run, by which the journal knows its lines."""


_STATES = {
    ActiveState.ACTIVE: ContainerState.RUNNING,
    ActiveState.RELOADING: ContainerState.RUNNING,
    ActiveState.REFRESHING: ContainerState.RUNNING,
    ActiveState.ACTIVATING: ContainerState.STARTING,
    ActiveState.DEACTIVATING: ContainerState.STOPPING,
    ActiveState.INACTIVE: ContainerState.STOPPED,
    ActiveState.FAILED: ContainerState.FAILED,
    ActiveState.MAINTENANCE: ContainerState.FAILED,
}
_REBOOT = 133
"""nspawn's exit code when the container wants to be rebooted; the unit is then started again."""


def container_status(unit: UnitState) -> ContainerStatus:
    """A container's status from its unit's."""
    state = _STATES[unit.active]
    failure = _failure(unit)
    if failure is not None and (unit.sub == "auto-restart" or state is ContainerState.STOPPING):
        # systemd calls it `deactivating` while it cleans up, and `activating` as soon as a restart is planned.
        state = ContainerState.FAILED
    elif state is ContainerState.STOPPED and unit.exit is not None and unit.exit.status == _REBOOT:
        state = ContainerState.STARTING
    return ContainerStatus(
        machine=unit.unit.removeprefix(UNIT_PREFIX).removesuffix(".service"),
        state=state,
        failure=failure,
        given_up=unit.active is ActiveState.FAILED,
        invocation=unit.invocation,
    )


def is_between_runs(unit: UnitState) -> bool:
    """The moment at which a new run has its id and has not begun: systemd calls it inactive, as if it had ended."""
    return unit.active is ActiveState.INACTIVE and unit.exit is None and unit.invocation != ""


def _failure(unit: UnitState) -> str | None:
    match unit.result:
        case "success":
            return None
        case "timeout":
            return "did not start or stop in time and was killed"
        case "start-limit-hit":
            return "was started too often"
        case "oom-kill":
            return "ran out of memory"
        case "protocol":
            return "ended before it was up"
        case "signal" | "core-dump" | "exit-code" if unit.exit is not None:
            return f"ended with {unit.exit}"
        case other:
            return f"failed ({other})"
