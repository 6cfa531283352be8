"""One runner: its process, the instructions for it, and the turn that it runs."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from hive_agent.harness.surroundings import Surroundings
from hive_base.process import BASE_ENVIRONMENT
from hive_rpc.interfaces.runner import (
    Instruction,
    InstructionKind,
    LaunchInstruction,
    TurnFinishedRequest,
    TurnInstruction,
)
from hive_rpc.types import Event

log = logging.getLogger(__name__)

END_SECONDS = 8.0
"""How long a runner may take to let the CLI put its transcript away."""


class RunnerProcess:
    """Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, launch: LaunchInstruction) -> None:
        self._process = process
        self._launch = launch
        self._instructions: asyncio.Queue[Instruction] = asyncio.Queue()
        self._instructions.put_nowait(Instruction(kind=InstructionKind.LAUNCH, launch=launch))
        self._turn_id: str | None = None
        self._finished: asyncio.Future[TurnFinishedRequest] | None = None
        self._on_events: Callable[[Sequence[Event]], None] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def died(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        return await self._process.wait()

    def serves(self, launch: LaunchInstruction) -> bool:
        """It was started in this way, as far as it matters while it lives."""
        return self._launch.model_copy(update={"resume": launch.resume}) == launch

    # What the harness wants of it

    async def turn(
        self, instruction: TurnInstruction, on_events: Callable[[Sequence[Event]], None]
    ) -> TurnFinishedRequest:
        """Run a turn and return its evidence, which is short when the runner dies."""
        finished: asyncio.Future[TurnFinishedRequest] = asyncio.get_running_loop().create_future()
        self._turn_id, self._finished, self._on_events = instruction.turn_id, finished, on_events
        self._instructions.put_nowait(Instruction(kind=InstructionKind.TURN, turn=instruction))
        died = asyncio.create_task(self.died())
        try:
            ends: list[asyncio.Future[Any]] = [finished, died]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if finished.done():
                return finished.result()
            return TurnFinishedRequest(turn_id=instruction.turn_id, error=f"the runner {_how(died.result())}")
        finally:
            self._turn_id = self._finished = self._on_events = None
            died.cancel()
            await asyncio.wait([died])

    def interrupt(self) -> None:
        self._instructions.put_nowait(Instruction(kind=InstructionKind.INTERRUPT))

    async def end(self) -> None:
        """Ask it to end and give it time for that."""
        self._instructions.put_nowait(Instruction(kind=InstructionKind.END))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self.died()

    async def kill(self) -> None:
        # Its group too: outside a container, where there is no cgroup to kill, the CLI is in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.died()

    # What it tells the harness

    async def instructions(self) -> AsyncIterator[Instruction]:
        while True:
            yield await self._instructions.get()

    def events(self, events: Sequence[Event]) -> None:
        if self._on_events is not None:
            self._on_events([event for event in events if event.turn_id == self._turn_id])

    def turn_finished(self, evidence: TurnFinishedRequest) -> None:
        if self._finished is not None and not self._finished.done() and evidence.turn_id == self._turn_id:
            self._finished.set_result(evidence)


async def start(surroundings: Surroundings, launch: LaunchInstruction, *, inherit: Sequence[int] = ()) -> RunnerProcess:
    """Start a runner. `inherit` are file descriptors that it keeps open as long as it lives. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        *surroundings.runner_command,
        str(surroundings.runner_socket),
        stdin=asyncio.subprocess.DEVNULL,
        env=_environment(),
        pass_fds=tuple(inherit),
        start_new_session=True,
    )
    return RunnerProcess(process, launch)


def _environment() -> dict[str, str]:
    """Nothing of ours goes on, least of all NOTIFY_SOCKET; but stderr is the journal's as before."""
    journal = os.environ.get("JOURNAL_STREAM")
    return {**BASE_ENVIRONMENT, **({"JOURNAL_STREAM": journal} if journal else {})}


def _how(exit_code: int) -> str:
    return f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
