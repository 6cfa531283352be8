"""Harness, runner, SDK, the real CLI and the stand-in model behind the gateway's socket; only core is played."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hive_agent.harness.cgroups import Cgroup
from hive_agent.harness.daemon import Daemon
from hive_agent.harness.surroundings import Home, Surroundings
from hive_base.clock import SystemClock
from hive_gateway.standin.app import StandIn
from hive_rpc.types import AgentState
from tests.support.agent_core import FakeAgentCore
from tests.support.gateway import agent_socket

NOBODY = 65534


@dataclass
class Chain:
    core: FakeAgentCore
    home: Home
    surroundings: Surroundings
    daemon: Daemon


@contextmanager
def open_directory(name: str) -> Iterator[Path]:
    """A directory that the model's user can get into: the CLI refuses to let root use all tools."""
    root = Path("/tmp") / f"hive-agent-test-{os.getpid()}-{name}"
    root.mkdir(mode=0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root)


@asynccontextmanager
async def chained(root: Path, *, model: bool = True, cgroup: Cgroup | None = None) -> AsyncIterator[Chain]:
    """All of it at work; without `model` nothing listens where the gateway should."""
    uid = NOBODY if os.getuid() == 0 else None
    home = Home("worker", root / "state", root / "harness", root / "claude", root / "shared")
    for directory in (home.state, home.claude, home.shared):
        directory.mkdir(exist_ok=True)
        if uid is not None:
            os.chown(directory, uid, uid)
    home.harness.mkdir(mode=0o700)
    surroundings = Surroundings(
        core_socket=root / "core.sock",
        gateway_socket=root / "gateway.sock" if model else root / "nobody.sock",
        runner_socket=root / "runner.sock",
        home=lambda name: home,
        forward_port=0,
        runner_command=(sys.executable, "-m", "hive_agent.runner"),
        model_uid=uid,
        model_cgroup=cgroup,
    )
    async with FakeAgentCore(surroundings.core_socket) as core, agent_socket(root, StandIn()):
        daemon = Daemon(surroundings, SystemClock())
        running = asyncio.create_task(daemon.run())
        try:
            await core.until(lambda: core.state is AgentState.IDLE)
            yield Chain(core, home, surroundings, daemon)
        finally:
            daemon.stop.set()
            await running
