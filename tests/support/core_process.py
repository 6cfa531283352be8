"""The real core in a process of its own, which can be killed: only systemd is played, on a bus of the test's."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial
from pathlib import Path

from hive_base.clock import SystemClock
from hive_base.paths import RunPaths, StatePaths
from hive_core import daemon
from hive_core.agents.registry import Registry
from hive_core.config import CoreConfig
from hive_core.containers.containers import Containers
from hive_core.containers.models import unit_of
from hive_core.operators.scraper import Scraper
from hive_core.store import Database
from tests.support.fake_systemd import fake_systemd, mapped_leader
from tests.support.plain_disks import PlainDisks

ROOT = Path(__file__).parents[2]


class CoreProcess:
    """`start` returns when every socket is there. `kill` is SIGKILL."""

    def __init__(self, root: Path, bus: str) -> None:
        self.run = RunPaths(root / "run")
        self.state = StatePaths(root / "lib")
        self._proc = mapped_leader(root)
        self._bus = bus
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, self.run.root, self.state.root, self._proc),
            cwd=ROOT,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self._bus},
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"ready\n", "core did not start"

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            await self._process.communicate()
            self._process = None


@contextlib.asynccontextmanager
async def core_process(
    root: Path, agents: Sequence[str], running: Collection[str] | None = None
) -> AsyncIterator[CoreProcess]:
    """A core that has these agents; the containers of all, or of those `running`, run. It is not started yet."""
    async with fake_systemd(root) as (bus, systemd):
        process = CoreProcess(root, bus.address)
        process.run.root.mkdir()
        process.state.root.mkdir(mode=0o700)
        process.state.core_database.parent.mkdir(mode=0o700)
        async with Database(process.state.core_database, "core") as database:
            for name in agents:
                agent = await Registry(database).add(name, "", SystemClock().now(), sha=None)
                if running is None or name in running:
                    systemd.runs(unit_of(agent.machine))
        try:
            yield process
        finally:
            await process.stop()


async def _main(run: Path, state: Path, proc: Path) -> None:
    over = asyncio.Event()
    daemon.Containers = partial(Containers, proc=proc)  # type: ignore[misc, assignment]
    daemon.Images = PlainDisks  # type: ignore[misc, assignment]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with daemon.core(CoreConfig(), SystemClock(), run=RunPaths(run), state=StatePaths(state), scraper=Scraper()):
        print("ready", flush=True)
        await over.wait()


if __name__ == "__main__":
    asyncio.run(_main(*map(Path, sys.argv[1:])))
