"""The floor of containers: an agent's skeleton, booted by a bare systemd-nspawn, without the harness and its binds."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from hive_agent.tasks import first_of
from hive_base.process import BASE_ENVIRONMENT
from hive_cli.up.cgroups import Cgroups, own_hierarchies
from hive_cli.up.notify import listening
from hive_core.containers.stateless import AGENT_UNIT, skeleton

LIMIT = 60.0
FLAGS = (
    *("--quiet", "--register=no", "--keep-unit", "--notify-ready=yes", "--kill-signal=SIGRTMIN+3"),
    *("--private-users=pick", "--private-network", "--no-new-privileges=yes"),
    *("--console=read-only", "--link-journal=no", "--resolv-conf=off", "--bind-ro=/usr"),
)
INIT = ("/usr/lib/systemd/systemd", "--show-status=no", "--log-level=notice")


@asynccontextmanager
async def booted(directory: Path, name: str) -> AsyncIterator[Cgroups]:
    """A container that has reached its target; its processes are those in the cgroup. It is gone after the block."""
    root, socket, log = directory / name, directory / f"{name}.notify", directory / f"{name}.log"
    _fill(root)
    machine = f"bench-{os.getpid()}-{name}"
    cgroups = Cgroups.planned(machine, own_hierarchies())
    cgroups.create()
    ready = asyncio.Event()
    try:
        with log.open("wb") as output, listening(socket, lambda notice: ready.set() if notice.ready else None):
            nspawn = await asyncio.create_subprocess_exec(
                *("systemd-nspawn", *FLAGS, f"--machine={machine}", f"--directory={root}", *INIT),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**BASE_ENVIRONMENT, "NOTIFY_SOCKET": str(socket), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                preexec_fn=cgroups.enter,
            )
            try:
                await first_of(ready.wait(), nspawn.wait(), asyncio.sleep(LIMIT))
                if not ready.is_set():
                    raise RuntimeError(f"a bare container did not boot: {log.read_text(errors='replace')}")
                yield cgroups
                nspawn.terminate()
                async with asyncio.timeout(LIMIT):
                    await nspawn.wait()
            finally:
                cgroups.kill()
                await nspawn.wait()
    finally:
        await cgroups.emptied(LIMIT)
        cgroups.remove()


def _fill(root: Path) -> None:
    ours = skeleton("bare")
    units = {name: text for name, text in ours.units.items() if not name.startswith(AGENT_UNIT)}
    replace(ours, units=units, wants=()).build(root)


def pids(cgroups: Cgroups) -> Sequence[int]:
    """Of everything in the container, and of the nspawn around it."""
    unified = cgroups.directories[0]
    return [int(pid) for procs in unified.rglob("cgroup.procs") for pid in procs.read_text().split()]
