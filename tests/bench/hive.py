"""A whole hive for a bench, made by `hive up` and gone afterwards, with the model's API wherever the bench wants it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hive_cli.up.state import State
from hive_rpc.client import connect
from hive_rpc.interfaces.operator import AgentRequest, Operator, OperatorRequest, WatchRequest
from hive_rpc.types import AgentState, EventKind, TurnOutcome
from tests.support.hive_host import Hive, free_port, hive_command

TURN_LIMIT = 120.0
NEVER_WARM = "keep_warm_seconds = 0\n"
"""An `agent.toml` whose runner ends with each turn."""


@dataclass(frozen=True)
class Turned:
    """When something that wakes an agent was begun and when the agent's turn was over, by CLOCK_MONOTONIC."""

    began: float
    ended: float


class BenchHive:
    def __init__(self, hive: Hive, operator: Operator) -> None:
        self._hive = hive
        self.operator = operator

    async def turn(self, agent: str, wake: Callable[[Operator], Awaitable[object]]) -> Turned:
        """Do what wakes the agent, and return when its turn is over and it is idle again."""
        socket = self._hive.run_paths.operator_socket
        async with asyncio.timeout(TURN_LIMIT), connect(socket) as calls, connect(socket) as events:
            stream = events.proxy(Operator).watch(WatchRequest())
            await anext(stream)
            began, ended, idle = time.monotonic(), 0.0, False
            await wake(calls.proxy(Operator))
            while not (ended and idle):
                for event in (await anext(stream)).events:
                    if event.agent != agent:
                        continue
                    if event.state is not None:
                        idle = event.state.state is AgentState.IDLE
                    if event.kind is EventKind.TURN_ENDED:
                        ended = time.monotonic()
                        if event.turn is None or event.turn.outcome is not TurnOutcome.OK:
                            raise RuntimeError(f"{agent}'s turn failed: {event.turn and event.turn.error}")
        return Turned(began, ended)

    async def stop(self, agent: str) -> None:
        await self.operator.stop(AgentRequest(name=agent))

    async def runner_ended(self, agent: str) -> None:
        """Wait until nothing but the harness is left of its turns."""
        async with asyncio.timeout(TURN_LIMIT):
            while len(await self.harness(agent)) > 1:
                await asyncio.sleep(0.01)

    async def harness(self, agent: str) -> Sequence[int]:
        """The pids of the agent's harness and of what grew out of it."""
        return _pids(await self._cgroup(agent) / "payload" / "system.slice" / "hive-agent.service")

    async def container(self, agent: str) -> Sequence[int]:
        """The pids of everything in the agent's container, and of the nspawn around it."""
        return _pids(await self._cgroup(agent))

    async def _cgroup(self, agent: str) -> Path:
        agents = (await self.operator.status(OperatorRequest())).agents
        machine = next(a.machine for a in agents if a.name == agent)
        # The unified hierarchy is the first, and the one that the host's systemd divides.
        host = self._hive.record.cgroups[0]
        return next(host.glob(f"**/machine.slice/container@{machine}.service"))


def _pids(cgroup: Path) -> Sequence[int]:
    return [int(pid) for procs in cgroup.rglob("cgroup.procs") for pid in procs.read_text().split()]


@asynccontextmanager
async def bench_hive(directory: Path, api: str) -> AsyncIterator[BenchHive]:
    """A hive with a manager and a worker, which have had their first turns, and with the model's API at `api`."""
    if os.geteuid() != 0:
        raise SystemExit("This bench boots containers, which needs root.")
    key = directory / "key"
    key.write_text("sk-ant-api03-none")
    state, port = State(directory / "hive"), free_port()
    where = ("--state", str(state.root))
    environment = {"ANTHROPIC_BASE_URL": api}

    def up() -> None:
        hive_command("up", *where, "--port", str(port), "--api-key-file", str(key), environment=environment)

    try:
        await asyncio.to_thread(up)
        hive = Hive(state=state, port=port, sign_in="")
        async with connect(hive.run_paths.operator_socket) as client:
            yield BenchHive(hive, client.proxy(Operator))
    finally:
        await asyncio.to_thread(hive_command, "down", *where)
