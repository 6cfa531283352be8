"""The first agents of a new hive."""

import asyncio
from collections.abc import Mapping
from importlib.resources import files

from hive_cli.up.errors import CannotError
from hive_cli.up.health import Watcher, operator, status
from hive_cli.up.state import State
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.operator import AgentStatus, SpawnRequest
from hive_rpc.types import AgentState

FIRST_TURN_LIMIT = 120.0
SETTLE_LIMIT = 60.0
_SETTLED = frozenset(AgentState) - {AgentState.STARTING, AgentState.STOPPING}
_AT_REST = frozenset({AgentState.IDLE, AgentState.PARKED, AgentState.PAUSED, AgentState.NEEDS_LOGIN, AgentState.FAILED})


def founders() -> Mapping[str, str | None]:
    """Each first agent with its `agent.toml`; None is core's default worker."""
    return {"manager": (files("hive_cli.up") / "agents" / "manager.toml").read_text(), "worker": None}


async def found(state: State, watcher: Watcher) -> None:
    """Make the first agents, unless that was done, and wait until their first turns are over.

    What an earlier start did not finish is taken up where it was. Raises CannotError.
    """
    if state.founded.exists():
        return
    there = {agent.name for agent in await _agents(state)}
    async with asyncio.TaskGroup() as group:
        spawned = {
            name: group.create_task(_spawn(state, name, config))
            for name, config in founders().items()
            if name not in there
        }
    for name, task in spawned.items():
        if (problem := task.result()) is not None:
            raise CannotError(
                f"The agent {name} could not be made: {problem.message}",
                hint=problem.hint,
                log=await watcher.log_of("hive-core.service"),
            )
    for agent in await _first_turns(state, watcher):
        if agent.state is AgentState.FAILED:
            raise CannotError(
                f"The agent {agent.name} failed: {agent.reason or 'no reason is known'}.",
                log=await watcher.log_of(f"container@{agent.machine}.service"),
            )
    state.founded.touch()


async def settled(state: State, watcher: Watcher) -> list[AgentStatus]:
    """Every agent, once none is booting any more; one that takes too long is shown as it is."""

    async def ask() -> list[AgentStatus] | None:
        agents = await _agents(state)
        return agents if all(agent.state in _SETTLED for agent in agents) else None

    try:
        return await watcher.until(
            ask, time_limit=SETTLE_LIMIT, failing="Not every agent started", unit="hive-core.service"
        )
    except CannotError:
        return await _agents(state)


async def _spawn(state: State, name: str, config: str | None) -> HiveError | None:
    """A connection of its own for each, because one answers its calls in order."""
    try:
        async with operator(state) as core:
            await core.spawn(SpawnRequest(name=name, config=config))
    except HiveError as error:
        return error
    return None


async def _first_turns(state: State, watcher: Watcher) -> list[AgentStatus]:
    async def ask() -> list[AgentStatus] | None:
        agents = [agent for agent in await _agents(state) if agent.name in founders()]
        waiting = [a for a in agents if a.state not in _AT_REST or (a.state is AgentState.IDLE and a.unread)]
        return None if waiting else agents

    return await watcher.until(
        ask,
        time_limit=FIRST_TURN_LIMIT,
        failing="The first agents did not finish their first turn",
        unit="hive-core.service",
    )


async def _agents(state: State) -> list[AgentStatus]:
    reply = await status(state)
    return [] if reply is None else list(reply.agents)
