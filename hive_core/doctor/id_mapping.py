"""Whether what containers are given can be id-mapped; nspawn, which refuses it, does not say what is wrong."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from hive_base.process import run
from hive_core.doctor.doctor import Examination
from hive_core.systemd.transient import confined
from hive_rpc.interfaces.operator.hive import Check

_TIME_LIMIT = 30.0
_MAY_MOUNT = (
    # Core may not mount, so that it is tried in a unit. CAP_SETFCAP: a user namespace of root's maps root.
    "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SETFCAP",
    "PrivateNetwork=yes",
    "RestrictAddressFamilies=AF_UNIX",
    # Who waits for it may be gone by then.
    f"RuntimeMaxSec={_TIME_LIMIT:g}",
)


def command(places: Sequence[Path]) -> list[str | Path]:
    """Prints those of the places that cannot be."""
    return [*confined(_MAY_MOUNT, {}), sys.executable, "-I", "-m", "hive_base.idmap", *places]


def places_can_be_id_mapped(places: Sequence[Path]) -> Examination:
    trying = asyncio.Lock()
    refused: list[str] | None = None

    async def examine() -> Sequence[Check]:
        nonlocal refused
        async with trying:
            if refused is None:
                # Once: whoever may look at the hive may ask for this, and it stays as it is while core runs.
                refused = (await run(command(places), time_limit=_TIME_LIMIT)).stdout.splitlines()
        return [_check(place, ok=str(place) not in refused) for place in places]

    return examine


def _check(place: Path, *, ok: bool) -> Check:
    if ok:
        return Check(name=f"id-mapping of {place}", ok=True, detail="agents can own what they see of it")
    return Check(
        name=f"id-mapping of {place}",
        ok=False,
        detail="its file system cannot be id-mapped, so that no agent's container starts",
        remedy="Have it on ext4, xfs or btrfs, or with Linux 6.3 or newer on tmpfs; overlayfs and 9p cannot be.",
    )
