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
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import WatchReply, WatchRequest
from hive_rpc.interfaces.operator.hive import AgentStatus
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.messages import OperatorSendReply, OperatorSendRequest
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_rpc.types import AgentState, Empty, EventKind, Turn, TurnOutcome
from tests.support.hive_host import Hive, free_port, hive_command

TURN_LIMIT = 120.0
POLL = 0.01
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

    async def send(self, agent: str, body: str) -> Turned:
        """Send the agent a message, and return when its turn for it is over and it is idle again."""
        return await self._turn(agent, lambda o: o.send(OperatorSendRequest(to=agent, body=body)))

    async def spawn(self, agent: str) -> Turned:
        """Make an agent whose runner ends with each turn, and return when its first turn is over and it is idle."""
        return await self._turn(agent, lambda o: o.spawn(SpawnRequest(name=agent, config=NEVER_WARM)))

    async def _turn(self, agent: str, wake: Callable[[Operator], Awaitable[OperatorSendReply | Empty]]) -> Turned:
        socket = self._hive.run_paths.operator_socket
        async with asyncio.timeout(TURN_LIMIT), connect(socket) as calls, connect(socket) as events:
            operator = calls.proxy(Operator)
            stream = events.proxy(Operator).watch(WatchRequest())
            await anext(stream)
            began = time.monotonic()
            woken = await wake(operator)
            message = woken.id if isinstance(woken, OperatorSendReply) else None
            turn = await anext(turn async for turn in _ended(stream, agent) if message in (None, *turn.messages))
            ended = time.monotonic()
            if turn.outcome is not TurnOutcome.OK:
                raise RuntimeError(f"a turn of {agent} failed: {turn.error}")
            while not _idle(await self._status(agent)):
                await asyncio.sleep(POLL)
        return Turned(began, ended)

    async def stop(self, agent: str) -> None:
        await self.operator.stop(AgentRequest(name=agent))

    async def runner_ended(self, agent: str) -> None:
        """Wait until nothing but the harness is left of its turns."""
        async with asyncio.timeout(TURN_LIMIT):
            while len(await self.harness(agent)) > 1:
                await asyncio.sleep(POLL)

    async def harness(self, agent: str) -> Sequence[int]:
        """The pids of the agent's harness and of what grew out of it."""
        return _pids(await self._cgroup(agent) / "payload" / "system.slice" / "hive-agent.service")

    async def container(self, agent: str) -> Sequence[int]:
        """The pids of everything in the agent's container, and of the nspawn around it."""
        return _pids(await self._cgroup(agent))

    async def _cgroup(self, agent: str) -> Path:
        machine = (await self._status(agent)).machine
        # The unified hierarchy is the first, and the one that the host's systemd divides.
        host = self._hive.record.cgroups[0]
        return next(host.glob(f"**/machine.slice/container@{machine}.service"))

    async def _status(self, agent: str) -> AgentStatus:
        return next(a for a in (await self.operator.status(OperatorRequest())).agents if a.name == agent)


async def _ended(stream: AsyncIterator[WatchReply], agent: str) -> AsyncIterator[Turn]:
    """The agent's turns, as they end."""
    async for reply in stream:
        for event in reply.events:
            if event.agent == agent and event.kind is EventKind.TURN_ENDED and event.turn is not None:
                yield event.turn


def _idle(agent: AgentStatus) -> bool:
    return agent.state is AgentState.IDLE and not agent.unread


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
