"""The runner as a child process: started for a turn, kept warm, ended, killed with everything that grew out of it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from hive_agent.harness import pressure
from hive_agent.harness.runner_process import RunnerProcess, start
from hive_agent.harness.surroundings import Surroundings
from hive_base.clock import Clock
from hive_rpc.interfaces.runner import LaunchInstruction, TurnFinishedRequest, TurnInstruction
from hive_rpc.types import Event

log = logging.getLogger(__name__)


class Runners:
    """At most one runner at a time. Its death at any moment is an outcome of the turn, never an exception here."""

    def __init__(self, surroundings: Surroundings, clock: Clock, *, inherit: Sequence[int] = ()) -> None:
        self._surroundings = surroundings
        self._clock = clock
        self._inherit = inherit
        self._runner: RunnerProcess | None = None
        self._warm_until = 0.0

    def process(self, pid: int) -> RunnerProcess | None:
        """The present runner, if this is its process id."""
        return self._runner if self._runner is not None and self._runner.pid == pid else None

    def warm_seconds(self) -> float | None:
        """How much longer the idle runner is to be kept, at least 0; None when there is none."""
        return None if self._runner is None else max(0.0, self._warm_until - self._clock.monotonic())

    async def turn(
        self,
        launch: LaunchInstruction,
        instruction: TurnInstruction,
        *,
        keep_warm_seconds: float,
        on_events: Callable[[Sequence[Event]], None],
    ) -> TurnFinishedRequest:
        """Run a turn in the warm runner, or in a new one where there is none that was launched in the same way."""
        if self._runner is not None and not (self._runner.alive and self._runner.serves(launch)):
            await self.end()
        if self._runner is None:
            # What an earlier runner's tools left behind would write to the same files.
            await self._kill_model()
            self._runner = await start(self._surroundings, launch, inherit=self._inherit)
        runner = self._runner
        evidence = await runner.turn(instruction, on_events)
        self._warm_until = self._clock.monotonic() + keep_warm_seconds
        if not runner.alive or evidence.exit_code is not None:
            await self.kill()
        return evidence

    def memory_is_short(self) -> bool:
        """On the machine or in the container: no time to keep a runner only to save time."""
        cgroup = self._surroundings.model_cgroup
        own = () if cgroup is None else (cgroup.path.parent / "memory.pressure",)
        return pressure.memory_is_short((*pressure.FILES, *own))

    def interrupt(self) -> None:
        if self._runner is not None:
            self._runner.interrupt()

    async def end(self) -> None:
        """Let the runner put things away, then see that nothing is left."""
        if self._runner is not None:
            await self._runner.end()
        await self.kill()

    async def end_tools(self) -> None:
        """Kill what a turn's tools left behind, and keep the CLI warm where that works; else end everything."""
        runner, cgroup = self._runner, self._surroundings.model_cgroup
        cli = None if runner is None or cgroup is None else _child_in(runner.pid, cgroup.processes())
        if runner is None or not runner.alive or cgroup is None or cli is None:
            await self.end()
            return
        killed = await cgroup.kill_all_but(cli, self._clock)
        log.info("%d processes of the turn's tools were killed; the conversation stays warm", killed)

    async def kill(self) -> None:
        """End the runner, the CLI and every tool of it at once. A turn that runs ends with that."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.kill()
        await self._kill_model()

    async def _kill_model(self) -> None:
        if self._surroundings.model_cgroup is not None:
            await self._surroundings.model_cgroup.kill(self._clock)


def _child_in(parent: int, processes: Sequence[int]) -> int | None:
    """Which of these the parent started itself: `sh` and `setpriv` became the CLI by exec, and it kept its id."""
    for pid in processes:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            return pid
    return None
