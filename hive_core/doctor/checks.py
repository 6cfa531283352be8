"""The checks. Each is made of the parts it looks at and returns its findings."""

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from hive_base.paths import StatePaths
from hive_core.accounts.line import GatewayLine
from hive_core.agents.agents import Agents
from hive_core.containers.driver import ContainerDriver
from hive_core.containers.models import ContainerKind
from hive_core.declared import Declared
from hive_core.doctor.doctor import Examination
from hive_core.files import beneath
from hive_core.store import Database
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.operator.hive import Check
from hive_rpc.types import AgentState

ENOUGH_BYTES = 1024**3
NEARLY_FULL = 0.9
INSTANCES_OF_A_CONTAINER = 5
"""inotify instances of a container that has booted."""
ENOUGH_ROOM = 10
"""Agents for which there should be inotify instances besides those there are."""
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def containers_can_run(kind: ContainerKind, driver: ContainerDriver) -> Examination:
    async def examine() -> Sequence[Check]:
        try:
            await driver.check()
        except HiveError as error:
            return [Check(name="containers", ok=False, detail=error.message, remedy=error.hint)]
        return [Check(name="containers", ok=True, detail=f"{kind}: this machine has what they need")]

    return examine


def agents_are_well(agents: Agents) -> Examination:
    async def examine() -> Sequence[Check]:
        found = []
        for agent in agents.all():
            well = agent.state not in (AgentState.FAILED, AgentState.NEEDS_LOGIN)
            detail = f"{agent.state}: {agent.reason}" if agent.reason else str(agent.state)
            remedy = "" if well else f"Read `hive logs {agent.name}`, then `hive restart {agent.name}`."
            found.append(Check(name=f"agent {agent.name}", ok=well, detail=detail, remedy=remedy))
        return found

    return examine


def declarations_are_carried_out(declared: Declared) -> Examination:
    async def examine() -> Sequence[Check]:
        remedy = "Correct it in the machine's configuration, then restart hive-core."
        return [
            Check(name=f"declared agent {name}", ok=False, detail=problem, remedy=remedy)
            for name, problem in declared.problems.items()
        ]

    return examine


def gateway_is_there(line: GatewayLine) -> Examination:
    async def examine() -> Sequence[Check]:
        backend = line.backend
        if backend is None:
            return [
                Check(
                    name="gateway",
                    ok=False,
                    detail="hive-gateway is not connected, so no agent reaches a model.",
                    remedy="Look at `systemctl status hive-gateway` and its journal on the hive host.",
                )
            ]
        return [Check(name="gateway", ok=True, detail=backend.description)]

    return examine


def database_is_sound(name: str, database: Database) -> Examination:
    async def examine() -> Sequence[Check]:
        said = await database.read(lambda c: str(c.execute("PRAGMA quick_check(1)").fetchone()[0]))
        sound = said == "ok"
        remedy = "" if sound else f"Stop hive-core, keep a copy of {database.path}, and restore it from a backup."
        return [Check(name=f"database {name}", ok=sound, detail=said, remedy=remedy)]

    return examine


def disk_has_room(directory: Path) -> Examination:
    async def examine() -> Sequence[Check]:
        usage = await asyncio.to_thread(os.statvfs, directory)
        free = usage.f_bavail * usage.f_frsize
        return [
            Check(
                name="disk",
                ok=free >= ENOUGH_BYTES,
                detail=f"{free / 1024**3:.1f} GiB free below {directory}",
                remedy="" if free >= ENOUGH_BYTES else "Free some room: agents' transcripts and notes need it.",
            )
        ]

    return examine


def what_agents_fill_has_room(agents: Agents, state: StatePaths) -> Examination:
    def look(what: str, place: Path, remedy: str) -> Check:
        if not place.is_mount():
            detail = f"{place} shares the machine's disk: it has no file system of its own yet"
            return Check(name=what, ok=False, detail=detail, remedy="It gets one when it is next started.")
        usage = os.statvfs(place)
        used = 1 - usage.f_bavail / usage.f_blocks
        full = used >= NEARLY_FULL or usage.f_favail < usage.f_files * (1 - NEARLY_FULL)
        detail = f"{used:.0%} of {usage.f_blocks * usage.f_frsize / 1024**3:.1f} GiB used"
        return Check(name=what, ok=not full, detail=detail, remedy=remedy if full else "")

    async def examine() -> Sequence[Check]:
        shared = "Delete something there, or set shared_mib in core.toml and reboot the machine."
        found = [await asyncio.to_thread(look, "disk of /shared", state.shared, shared)]
        proposed = "Have a manager delete what it needs no more: only the last commits of a configuration are read."
        found.append(await asyncio.to_thread(look, "disk of /proposed", state.proposed, proposed))
        for agent in agents.all():
            remedy = f"Have it delete something, or set limits.disk_mib with `hive config {agent.name} edit`."
            found.append(await asyncio.to_thread(look, f"disk of {agent.name}", state.agent(agent.name), remedy))
        return found

    return examine


def state_is_walled_off(directory: Path) -> Examination:
    """An id-mapped bind lets a container's root leave setuid files owned by the host's root in here."""

    async def examine() -> Sequence[Check]:
        info = await asyncio.to_thread(directory.stat)
        private = info.st_uid == 0 and stat.S_IMODE(info.st_mode) & 0o077 == 0
        flags = os.statvfs(directory).f_flag
        harmless = bool(flags & os.ST_NOSUID) and bool(flags & os.ST_NODEV)
        return [
            Check(
                name="state directory is root's alone",
                ok=private,
                detail=f"{directory} has mode {stat.S_IMODE(info.st_mode):04o} and belongs to uid {info.st_uid}",
                remedy="" if private else f"chown root: {directory} && chmod 0700 {directory}",
            ),
            Check(
                name="state directory is nosuid and nodev",
                ok=harmless,
                detail="mounted nosuid,nodev" if harmless else "setuid files and devices would work in it",
                remedy="" if harmless else f"Mount {directory} with nosuid,nodev (var-lib-hive.mount does).",
            ),
        ]

    return examine


def files_can_be_read(directory: Path) -> Examination:
    """systemd's RestrictSUIDSGID= takes openat2(2) away, and a container's filter may."""

    async def examine() -> Sequence[Check]:
        try:
            with beneath.directory(directory, ""):
                return [Check(name="openat2", ok=True, detail="agents' files can be read safely")]
        except OSError as error:
            remedy = "Remove RestrictSUIDSGID= from hive-core.service, or allow openat2 where a filter refuses it."
            return [Check(name="openat2", ok=False, detail=f"agents' files cannot be read: {error}", remedy=remedy)]

    return examine


def inotify_is_enough(agents: Agents) -> Examination:
    async def examine() -> Sequence[Check]:
        limit = int(await asyncio.to_thread(_INOTIFY.read_text))
        room = limit // INSTANCES_OF_A_CONTAINER - len(agents.all())
        return [
            Check(
                name="inotify",
                ok=room >= ENOUGH_ROOM,
                detail=f"fs.inotify.max_user_instances is {limit}: room for about {max(0, room)} more agents",
                remedy=""
                if room >= ENOUGH_ROOM
                else "sysctl -w fs.inotify.max_user_instances=1024, and in /etc/sysctl.d to keep it.",
            )
        ]

    return examine
