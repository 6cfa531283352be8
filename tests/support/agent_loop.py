"""The harness's serve loop, really connected to a played core, with a played runner and a clock that a test moves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hive_agent.harness.answers import Answers
from hive_agent.harness.conductor import Conductor
from hive_agent.harness.control import Control
from hive_agent.harness.conversation import hold, transcript
from hive_agent.harness.core import Core
from hive_agent.harness.gate import Gate
from hive_agent.harness.handover import Handover
from hive_agent.harness.inbox import Inbox
from hive_agent.harness.link import Link
from hive_agent.harness.outbox import Outbox
from hive_agent.harness.permits import Permits
from hive_agent.harness.runners import Runners
from hive_agent.harness.serve import ServeLoop
from hive_agent.harness.session_policy import SessionPolicy
from hive_agent.harness.spool import Spool
from hive_agent.harness.states import States
from hive_agent.harness.steward import Steward
from hive_agent.harness.supervise import supervise
from hive_agent.harness.surroundings import Home, Surroundings
from hive_agent.harness.toolbox import Toolbox
from hive_agent.tasks import first_of
from hive_rpc.interfaces.agent import HelloRequest
from hive_rpc.interfaces.runner import LaunchInstruction, TurnFinishedRequest, TurnInstruction
from hive_rpc.types import AgentState, Event, Usage
from tests.support.agent_core import NAME, FakeAgentCore
from tests.support.manual_clock import ManualClock

Turning = Callable[[TurnInstruction], Awaitable[TurnFinishedRequest]]


def finished(turn_id: str, text: str = "Done.", context: int | None = None) -> TurnFinishedRequest:
    """The evidence of a turn in which all went well, which left so many tokens of context."""
    line = {"type": "result", "subtype": "success", "is_error": False}
    usage = Usage(output_tokens=1)
    return TurnFinishedRequest(turn_id=turn_id, lines=[line], final_text=text, usage=usage, context_tokens=context)


def failed(turn_id: str, text: str = "API Error: 500", **fields: Any) -> TurnFinishedRequest:
    """The evidence of a turn that the CLI ended with an error; `fields` are those of its own message about it."""
    said = {"type": "assistant", "message": {"model": "<synthetic>", "content": [{"type": "text", "text": text}]}}
    line = {"type": "result", "subtype": "success", "is_error": True, "result": text}
    return TurnFinishedRequest(turn_id=turn_id, lines=[{**said, **fields}, line])


@dataclass
class FakeRunners(Runners):
    """Runs turns as `does` says, and remembers what it was asked."""

    does: Turning
    launches: list[LaunchInstruction] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    interrupts: int = 0
    ended: int = 0
    warm: float | None = None
    short: bool = False
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    def warm_seconds(self) -> float | None:
        return self.warm

    async def turn(
        self,
        launch: LaunchInstruction,
        instruction: TurnInstruction,
        *,
        keep_warm_seconds: float,
        on_events: Callable[[Sequence[Event]], None],
    ) -> TurnFinishedRequest:
        self.launches.append(launch)
        self.prompts.append(instruction.prompt)
        self.killed.clear()
        # As the CLI does with its first line.
        file = transcript(Path(launch.environment["CLAUDE_CONFIG_DIR"]), Path(launch.directory), launch.session)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        work = asyncio.ensure_future(self.does(instruction))
        death = asyncio.create_task(self.killed.wait())
        try:
            await asyncio.wait([work, death], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            return TurnFinishedRequest(turn_id=instruction.turn_id, error="the runner was killed by signal 9")
        finally:
            work.cancel()
            death.cancel()

    def interrupt(self) -> None:
        self.interrupts += 1

    async def end(self) -> None:
        self.ended += 1
        self.warm = None

    async def end_tools(self) -> None:
        await self.end()

    def memory_is_short(self) -> bool:
        return self.short

    async def kill(self) -> None:
        self.killed.set()


@dataclass
class Loop:
    """A serve loop at work."""

    core: FakeAgentCore
    clock: ManualClock
    runners: FakeRunners
    toolbox: Toolbox
    serve: ServeLoop
    conductor: Conductor
    steward: Steward
    inbox: Inbox
    control: Control
    states: States
    home: Home

    async def until(self, holds: Callable[[], object], step: float = 0.5) -> None:
        """Let time pass until something is so, `step` seconds at a time."""
        await self.core.pass_time_until(holds, self.clock, step)


async def _done(instruction: TurnInstruction) -> TurnFinishedRequest:
    return finished(instruction.turn_id)


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[Loop]:
    """Core, and a loop that has begun to serve."""
    home = Home(NAME, *(directory / name for name in ("state", "harness", "claude", "shared")))
    for path in (home.state, home.harness, home.claude, home.shared):
        path.mkdir()
    surroundings = Surroundings(directory / "core.sock", directory / "gateway.sock", directory / "runner.sock")
    clock = ManualClock()
    async with FakeAgentCore(surroundings.core_socket) as fake:

        def link() -> Link:
            return Link(fake.path, HelloRequest(instance="harness_1"), clock=clock)

        core = Core(calls=link(), polls=link(), events=link(), control=link())
        conversation = hold(home.harness, claude=home.claude, directory=home.state)
        answers, states, inbox = Answers(core.calls), States(core.calls), Inbox(core, clock)
        toolbox = Toolbox(core, inbox, Permits(core, clock, lambda what: None))
        control, handover = Control(core.control, answers), Handover(home.harness / "handover.json")
        outbox = Outbox(core.events, Spool(home.harness / "events.jsonl"), clock)
        runners = FakeRunners(_done)
        conductor = Conductor(
            surroundings=surroundings,
            home=home,
            forward_port=1,
            core=core,
            control=control,
            conversation=conversation,
            handover=handover,
            runners=runners,
            toolbox=toolbox,
            outbox=outbox,
            clock=clock,
        )
        steward = Steward(
            conductor=conductor,
            control=control,
            conversation=conversation,
            handover=handover,
            runners=runners,
            states=states,
            clock=clock,
            policy=SessionPolicy(home.harness / "policy.json", clock),
        )
        gate = Gate(control, clock)
        serve = ServeLoop(
            inbox=inbox,
            conductor=conductor,
            steward=steward,
            runners=runners,
            control=control,
            gate=gate,
            states=states,
            clock=clock,
        )
        parts = {"commands": control.run, "answers": answers.run, "states": states.run, "events": outbox.run}
        running = asyncio.create_task(
            first_of(
                *(supervise(name, run, clock=clock) for name, run in parts.items()),
                supervise(
                    "loop",
                    serve.run,
                    clock=clock,
                    on_failure=lambda sentence: states.set(AgentState.FAILED, reason=sentence),
                ),
            )
        )
        try:
            await fake.until(lambda: fake.state is AgentState.IDLE)
            yield Loop(fake, clock, runners, toolbox, serve, conductor, steward, inbox, control, states, home)
        finally:
            running.cancel()
            await asyncio.wait([running])
            await core.close()
            conversation.release()
