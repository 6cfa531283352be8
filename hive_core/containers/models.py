"""Containers, as the rest of core sees them."""

from dataclasses import dataclass

from hive_core.systemd.models import ActiveState, UnitState
from hive_rpc.types import ContainerState

UNIT_PREFIX = "container@"


def unit_of(machine: str) -> str:
    return f"{UNIT_PREFIX}{machine}.service"


@dataclass(frozen=True)
class ContainerSpec:
    """A container to be run."""

    agent: str
    machine: str


@dataclass(frozen=True)
class ContainerStatus:
    """An agent's container at one moment."""

    machine: str
    state: ContainerState
    restarting: bool = False
    """It has ended, and systemd is about to start it again."""
    failure: str | None = None
    """How it ended, in words, when that was not its own or our wish."""
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


def container_status(unit: UnitState) -> ContainerStatus:
    """A container's status from its unit's."""
    machine = unit.unit.removeprefix(UNIT_PREFIX).removesuffix(".service")
    state = _STATES[unit.active]
    restarting = unit.sub == "auto-restart"
    failure = _failure(unit)
    if failure is not None and (restarting or state in (ContainerState.STOPPING, ContainerState.STOPPED)):
        # systemd calls it `activating` as soon as a restart is planned, and `deactivating` while it cleans up.
        state = ContainerState.FAILED
    return ContainerStatus(machine, state, restarting=restarting, failure=failure, invocation=unit.invocation)


def _failure(unit: UnitState) -> str | None:
    match unit.result:
        case "success":
            return None
        case "timeout":
            return "it did not start or stop in time and was killed"
        case "start-limit-hit":
            return "it failed again and again"
        case "oom-kill":
            return "it ran out of memory"
        case "resources":
            return "systemd had not the resources to start it"
        case "protocol":
            return "its init ended before it was up"
        case "signal" | "core-dump" | "exit-code" if unit.exit is not None:
            return f"it ended with {unit.exit}"
        case other:
            return f"systemd says {other}"
