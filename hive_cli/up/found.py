"""The first agents of a new hive."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.resources import files

from hive_cli.up.errors import CannotError, TookTooLongError
from hive_cli.up.health import Watcher, operator, status
from hive_cli.up.state import State
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.operator.hive import AgentStatus
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.types import AgentState

_CORE = "hive-core.service"
FIRST_TURN_LIMIT = 120.0
SETTLE_LIMIT = 60.0
_SETTLED = frozenset(AgentState) - {AgentState.STARTING, AgentState.STOPPING}
_AT_REST = _SETTLED - {AgentState.THINKING, AgentState.COMPACTING}


def founders() -> Mapping[str, str | None]:
    """Each first agent with its `agent.toml`; None is core's default worker."""
    return {"manager": (files("hive_cli.up") / "agents" / "manager.toml").read_text(), "worker": None}


async def found(state: State, watcher: Watcher) -> None:
    """Make the first agents, unless that was done, and wait until their first turns are over.

    What an earlier start did not finish is taken up where it was. Raises CannotError.
    """
    if state.founded.exists():
        return
    there = await _names(state)
    async with asyncio.TaskGroup() as group:
        spawned = {
            name: group.create_task(_spawn(state, name, config))
            for name, config in founders().items()
            if name not in there
        }
    there = await _names(state)
    for name, task in spawned.items():
        # One that is there after all was made by another `hive up` at the same time.
        if (problem := task.result()) is not None and name not in there:
            raise CannotError(
                f"The agent {name} could not be made: {problem.message}",
                hint=problem.hint,
                log=await watcher.log_of(_CORE),
            )
    for agent in await _first_turns(state, watcher):
        if agent.state is AgentState.FAILED:
            raise CannotError(
                f"The agent {agent.name} failed: {agent.reason or 'no reason is known'}.",
                log=await watcher.log_of(f"container@{agent.machine}.service"),
            )
    state.founded.touch()


async def settled(state: State, watcher: Watcher) -> Sequence[AgentStatus]:
    """Every agent, once none is booting any more; one that takes too long is shown as it is."""
    seen: Sequence[AgentStatus] = ()

    async def ask() -> Sequence[AgentStatus] | None:
        nonlocal seen
        agents = await _agents(state)
        if agents is not None:
            seen = agents
        return agents if agents is not None and all(agent.state in _SETTLED for agent in agents) else None

    try:
        return await watcher.until(ask, time_limit=SETTLE_LIMIT, failing="Not every agent started", unit=_CORE)
    except TookTooLongError:
        return seen


async def _spawn(state: State, name: str, config: str | None) -> HiveError | None:
    """A connection of its own for each, because one answers its calls in order."""
    try:
        async with operator(state) as core:
            await core.spawn(SpawnRequest(name=name, config=config))
    except HiveError as error:
        return error
    return None


async def _first_turns(state: State, watcher: Watcher) -> Sequence[AgentStatus]:
    async def ask() -> Sequence[AgentStatus] | None:
        agents = [agent for agent in await _agents(state) or () if agent.name in founders()]
        done = [a for a in agents if a.state in _AT_REST and not (a.state is AgentState.IDLE and a.unread)]
        return agents if len(done) == len(founders()) else None

    return await watcher.until(
        ask, time_limit=FIRST_TURN_LIMIT, failing="The first agents did not finish their first turn", unit=_CORE
    )


async def _names(state: State) -> set[str]:
    return {agent.name for agent in await _agents(state) or ()}


async def _agents(state: State) -> Sequence[AgentStatus] | None:
    """None while core does not answer."""
    reply = await status(state)
    return None if reply is None else reply.agents
