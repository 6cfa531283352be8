"""The runner's life: launched once, it runs turns until the CLI ends, the harness says so, or the harness is gone."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from hive_agent.runner import imports
from hive_agent.runner.cli import CliProcess, started
from hive_agent.runner.reporter import Reporter
from hive_agent.tasks import first_of
from hive_base.clock import SystemClock
from hive_rpc.client import connect
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.manager import Manager
from hive_rpc.interfaces.runner import (
    Instruction,
    InstructionKind,
    LaunchInstruction,
    Runner,
    TurnFinishedRequest,
    TurnInstruction,
)
from hive_rpc.types import Empty

log = logging.getLogger(__name__)


class TurnTaker(Protocol):
    """What the loop needs of a `Session`, whose module imports the SDK."""

    async def turn(self, instruction: TurnInstruction) -> TurnFinishedRequest: ...
    async def interrupt(self) -> None: ...


async def run(socket: Path) -> None:
    """Serve the harness behind `socket` until there is nothing more to do."""
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(connect(socket)) for _ in range(5)]
        commands, reports, calls, polls, permits = [line.proxy(Runner) for line in lines]
        manager = lines[2].proxy(Manager)
        instructions = commands.instructions(Empty())
        launch = (await anext(instructions)).launch
        if launch is None:
            raise HiveError("The first instruction was not a launch.")
        reporter = Reporter(reports)
        cli = await _started(stack, launch, reporter, instructions)
        if cli is None:
            return
        # The SDK takes 0.4 s to import, about as long as the CLI takes to start: they do it at the same time.
        imports.spare()
        with imports.lasting():
            from hive_agent import tools
            from hive_agent.runner import session

        harness = tools.Harness(calls=calls, polls=polls, manager=manager, model_uid=launch.uid)
        served = tools.server(harness, manager=launch.manager)
        permit = permits.permit if launch.ask else None
        opened = session.opened(cli, tools=served, permit=permit, emit=reporter.add, clock=SystemClock())
        taker = await stack.enter_async_context(opened)
        await _serve(instructions, taker, cli, reporter)


async def _started(
    stack: contextlib.AsyncExitStack,
    launch: LaunchInstruction,
    reporter: Reporter,
    instructions: AsyncIterator[Instruction],
) -> CliProcess | None:
    """The CLI, or None when it cannot be started; that is then the outcome of the first turn."""
    try:
        return await stack.enter_async_context(started(launch))
    except OSError as error:
        turn = (await anext(instructions)).turn
        if turn is not None:
            sentence = f"The CLI cannot be started: {error}"
            await reporter.finish(TurnFinishedRequest(turn_id=turn.turn_id, error=sentence))
        return None


async def _serve(
    instructions: AsyncIterator[Instruction], session: TurnTaker, cli: CliProcess, reporter: Reporter
) -> None:
    turns: asyncio.Queue[TurnInstruction] = asyncio.Queue()

    async def take_instructions() -> None:
        async for instruction in instructions:
            if instruction.kind is InstructionKind.TURN and instruction.turn is not None:
                turns.put_nowait(instruction.turn)
            elif instruction.kind is InstructionKind.INTERRUPT:
                await session.interrupt()
            elif instruction.kind is InstructionKind.END:
                return

    async def take_turns() -> None:
        while True:
            turn = await turns.get()
            await reporter.finish(await session.turn(turn))
            turns.task_done()

    async def outlive_cli() -> None:
        await cli.ended()
        await turns.join()

    await first_of(take_instructions(), take_turns(), outlive_cli(), reporter.run())
