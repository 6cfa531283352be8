"""All of core in this process, on its real sockets: played are systemd, the walls around git, and the harnesses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hive_base.clock import SystemClock
from hive_base.paths import RunPaths, StatePaths
from hive_base.tasks import alongside
from hive_core import daemon
from hive_core.config import CoreConfig
from hive_core.containers.containers import Containers
from hive_core.containers.models import unit_of
from hive_core.containers.stateless import StatelessDriver
from hive_core.deploys.changes import Changes
from hive_core.operators.scraper import Scraper
from hive_rpc.client import connect
from hive_rpc.interfaces.agent import Agent, HelloRequest
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.request import OperatorRequest
from tests.support.fake_systemd import FakeSystemd, fake_systemd, mapped_leader
from tests.support.plain_disks import PlainDisks
from tests.support.sandboxes import NoWalls


@dataclass
class WholeCore:
    run: RunPaths
    state: StatePaths
    systemd: FakeSystemd
    changes: Changes


@asynccontextmanager
async def whole_core(root: Path, patch: pytest.MonkeyPatch, scraper: Scraper | None = None) -> AsyncIterator[WholeCore]:
    """A hive without agents, in which each that is started says hello. A message is given up at once."""
    run, state = RunPaths(root / "run"), StatePaths(root / "lib")
    run.root.mkdir()
    state.root.mkdir(mode=0o700)
    proc = mapped_leader(root)
    driver = StatelessDriver(run, state, confs=root / "confs", secrets=root / "secrets")
    made: list[Changes] = []
    make = daemon.changes

    def changes(*given: Any, **named: Any) -> Changes:
        made.append(make(*given, **named))
        return made[-1]

    patch.setattr(daemon, "changes", changes)
    patch.setattr(daemon, "_driver", lambda *_: driver)
    patch.setattr(daemon, "Containers", partial(Containers, proc=proc))
    patch.setattr(daemon, "TransientUnits", NoWalls)
    patch.setattr(daemon, "Images", PlainDisks)
    async with fake_systemd(root) as (bus, systemd), AsyncExitStack() as stack:
        patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        started: asyncio.Queue[str] = asyncio.Queue()

        def on_start(unit: str) -> None:
            systemd.runs(unit)
            started.put_nowait(unit)

        async def harnesses() -> None:
            for count in range(1, 1000):
                unit = await started.get()
                async with connect(run.operator_socket) as shell:
                    agents = (await shell.proxy(Operator).status(OperatorRequest())).agents
                name = next(agent.name for agent in agents if unit_of(agent.machine) == unit)
                line = await stack.enter_async_context(connect(run.core_socket(name)))
                await line.proxy(Agent).hello(HelloRequest(instance=f"instance-{count}"))

        systemd.on_start = on_start
        settings = CoreConfig(max_attempts=1)
        core = daemon.core(settings, SystemClock(), run=run, state=state, scraper=scraper or Scraper())
        async with core, alongside(harnesses()):
            yield WholeCore(run, state, systemd, made[0])
