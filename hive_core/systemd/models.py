"""What systemd says of a unit (org.freedesktop.systemd1(5), "Unit Objects" and "Service Unit Objects")."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ActiveState(StrEnum):
    ACTIVE = "active"
    RELOADING = "reloading"
    INACTIVE = "inactive"
    FAILED = "failed"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    MAINTENANCE = "maintenance"
    REFRESHING = "refreshing"


_CLD_EXITED = 1
"""`si_code` of a process that ended by itself (waitid(2)); the others that systemd reports are killed and dumped."""


@dataclass(frozen=True)
class Exit:
    """How a unit's main process ended."""

    by_signal: bool
    status: int
    """The exit code, or the signal's number."""

    def __str__(self) -> str:
        if not self.by_signal:
            return f"exit code {self.status}"
        try:
            return f"signal {self.status} ({signal.Signals(self.status).name})"
        except ValueError:
            return f"signal {self.status}"


@dataclass(frozen=True)
class UnitState:
    """A service unit at one moment."""

    unit: str
    active: ActiveState
    sub: str
    """`running`, `auto-restart`, `dead` and so on: finer than `active`, different for each type of unit."""
    result: str
    """`success`, or what made it fail: `exit-code`, `signal`, `timeout`, `start-limit-hit` …"""
    exit: Exit | None
    """How the main process ended, None while it runs."""
    invocation: str
    """The id of this run of the unit, 32 hexadecimal digits; empty when it has never run."""


PROPERTIES = ("ActiveState", "SubState", "Result", "ExecMainPID", "ExecMainCode", "ExecMainStatus", "InvocationID")
"""All of them come with every PropertiesChanged of a service."""


def unit_state(unit: str, properties: Mapping[str, Any]) -> UnitState:
    """Read a unit's properties, of which those in `PROPERTIES` must be there."""
    code = int(properties["ExecMainCode"])
    return UnitState(
        unit=unit,
        active=ActiveState(properties["ActiveState"]),
        sub=properties["SubState"],
        result=properties["Result"],
        exit=Exit(by_signal=code != _CLD_EXITED, status=int(properties["ExecMainStatus"])) if code else None,
        invocation=bytes(properties["InvocationID"]).hex(),
    )
