"""Programs in transient units of their own (systemd-run(1), systemd.exec(5)), and what all of them go without."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from hive_base.process import BASE_ENVIRONMENT

QUIETLY = ("--quiet", "--pipe", "--wait", "--collect", "--service-type=exec")
_CONFINED = (
    "NoNewPrivileges=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectSystem=strict",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictRealtime=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "UMask=0022",
    "LimitCORE=0",
)


def confined(properties: Iterable[str], environment: Mapping[str, str], *options: str) -> list[str | Path]:
    """The words before those of the program, with what the unit is given and kept from besides."""
    words: list[str | Path] = ["systemd-run", *QUIETLY, *options]
    words += [f"--property={line}" for line in (*_CONFINED, *properties)]
    words += [f"--setenv={name}={value}" for name, value in {**BASE_ENVIRONMENT, **environment}.items()]
    return [*words, "--"]
