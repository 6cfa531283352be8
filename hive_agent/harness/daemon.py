"""The harness, wired: the one place that knows all of its parts."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from hive_agent.harness import conversation as conversations
from hive_agent.harness import older_layout
from hive_agent.harness.answers import Answers
from hive_agent.harness.conductor import Conductor
from hive_agent.harness.control import Control
from hive_agent.harness.conversation import Conversation
from hive_agent.harness.core import Core
from hive_agent.harness.endpoint import handlers
from hive_agent.harness.forwarder import Forwarder
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
from hive_agent.harness.verdict import Verdict
from hive_agent.harness.way_out import WayOut
from hive_agent.tasks import first_of, happens_within
from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_base.service import notify
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.agent import HelloReply, HelloRequest
from hive_rpc.server import Server
from hive_rpc.types import AgentState, Empty, TurnOutcome

log = logging.getLogger(__name__)

STOPPED = Verdict(TurnOutcome.INTERRUPTED, "the harness was stopped in this turn")
DRAIN_SECONDS = 30.0
"""How long a turn may go on when systemd stops the container, as at a shutdown of the host. The unit allows for it."""
FAREWELL_SECONDS = 6.0
"""How long the end of the harness waits for core to hear of it."""


class Daemon:
    """One harness instance. `run` returns when `stop` is set."""

    def __init__(self, surroundings: Surroundings, clock: Clock) -> None:
        self._surroundings = surroundings
        self._clock = clock
        self._hello = HelloRequest(instance=new_id("harness"))
        self._core = Core(calls=self._link(), polls=self._link(), events=self._link(), control=self._link())
        self._states = States(self._core.calls)
        self._inbox = Inbox(self._core, clock)
        self._answers = Answers(self._core.calls)
        self._control = Control(self._core.control, self._answers)
        self.stop = asyncio.Event()
        self.stop_seconds = FAREWELL_SECONDS + 1
        """How long the end may take from when `stop` is set."""

    @property
    def draining(self) -> bool:
        """No further message is taken."""
        return self._control.drain.is_set()

    async def run(self) -> None:
        """Raises InstanceReplacedError when another harness has taken over, ConflictError when one is there already."""
        who = await self._core.calls.call(lambda agent: agent.who_am_i(Empty()))
        self.stop_seconds += DRAIN_SECONDS
        home = self._surroundings.home(who.name)
        notify("READY=1", f"STATUS=serving {who.name}")
        log.info("Serving %s as %s", who.name, self._hello.instance)
        await self._migrate(home)
        held = conversations.hold(home.harness, claude=home.claude, directory=home.state)
        try:
            await self._serve(home, held)
        finally:
            held.release()
            await self._core.close()

    async def _migrate(self, home: Home) -> None:
        if not older_layout.is_there(home):
            return
        # It needs shutil, which a harness that only waits must not carry about.
        from hive_agent.harness import migration

        try:
            await asyncio.to_thread(migration.migrate, home, uid=self._surroundings.model_uid)
        except OSError as error:
            log.error("What is left of an older layout cannot be moved yet: %s", error)

    async def _serve(self, home: Home, conversation: Conversation) -> None:
        outbox = Outbox(self._core.events, Spool(home.harness / "events.jsonl"), self._clock)
        runners = Runners(self._surroundings, self._clock, inherit=[conversation.lock])
        toolbox = Toolbox(self._core, self._inbox, Permits(self._core, self._clock, self._states.asking))
        handover = Handover(home.harness / "handover.json")
        async with self._runner_socket(runners, toolbox), self._forwarder() as forward_port:
            conductor = Conductor(
                surroundings=self._surroundings,
                home=home,
                forward_port=forward_port,
                core=self._core,
                control=self._control,
                conversation=conversation,
                handover=handover,
                runners=runners,
                toolbox=toolbox,
                outbox=outbox,
                clock=self._clock,
            )
            steward = Steward(
                conductor=conductor,
                control=self._control,
                conversation=conversation,
                handover=handover,
                runners=runners,
                states=self._states,
                clock=self._clock,
                policy=SessionPolicy(home.harness / "policy.json", self._clock),
            )
            loop = ServeLoop(
                inbox=self._inbox,
                conductor=conductor,
                steward=steward,
                runners=runners,
                control=self._control,
                gate=Gate(self._control, self._clock),
                states=self._states,
                clock=self._clock,
            )
            supervised = partial(supervise, clock=self._clock)
            await first_of(
                *self._way_out(supervised),
                supervised("command stream", self._control.run),
                supervised("answers to commands", self._answers.run),
                supervised("state reports", self._states.run),
                supervised("event outbox", outbox.run),
                self._until_stopped(loop, runners, outbox),
            )

    async def _until_stopped(self, loop: ServeLoop, runners: Runners, outbox: Outbox) -> None:
        serving = supervise("serve loop", loop.run, clock=self._clock, on_failure=self._failed)
        try:
            await first_of(serving, self._told_to_stop(loop))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await loop.abandon(STOPPED)
                    await runners.end()
                    self._states.set(AgentState.STOPPED)
                    await self._states.told()
                    await outbox.sent()
        finally:
            await runners.kill()

    async def _told_to_stop(self, loop: ServeLoop) -> None:
        """Until it is time to end: the turn may finish, unless core asked for that before and has lost patience."""
        await self.stop.wait()
        if not self.draining:
            self._control.drain.set()
            self._control.attention.set()
            await happens_within(loop.drained, DRAIN_SECONDS, self._clock)

    def _failed(self, sentence: str) -> None:
        self._states.set(AgentState.FAILED, reason=sentence)

    def _greeted(self, reply: HelloReply) -> None:
        self._inbox.lease_seconds = reply.lease_seconds
        self._states.tell_again()

    def _link(self) -> Link:
        return Link(self._surroundings.core_socket, self._hello, clock=self._clock, on_hello=self._greeted)

    def _way_out(self, supervised: Callable[..., Coroutine[Any, Any, None]]) -> Sequence[Coroutine[Any, Any, None]]:
        """What serves programs that connect to the outside, where there is a socket for it."""
        if self._surroundings.egress_socket is None:
            return []
        way_out = WayOut(self._surroundings.egress_socket, self._clock, hosts=self._surroundings.hosts)
        self._control.on_settings = way_out.want
        return [supervised("way out", way_out.run)]

    @contextlib.asynccontextmanager
    async def _runner_socket(self, runners: Runners, toolbox: Toolbox) -> AsyncIterator[None]:
        server = Server(partial(handlers, runners, toolbox))
        await server.listen(self._surroundings.runner_socket, mode=0o600)
        try:
            yield
        finally:
            await server.close()

    @contextlib.asynccontextmanager
    async def _forwarder(self) -> AsyncIterator[int]:
        forwarder = Forwarder(self._surroundings.gateway_socket, self._clock)
        try:
            yield forwarder.listen(self._surroundings.forward_port)
        finally:
            await forwarder.close()


async def main(surroundings: Surroundings, clock: Clock) -> int:
    """Run until SIGTERM, and return the exit code."""
    daemon = Daemon(surroundings, clock)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop.set)
    try:
        await first_of(daemon.run(), _impatient(daemon, clock))
    except HiveError as error:
        log.error("Ending: %s", error.sentence())
        return 1
    return 0


async def _impatient(daemon: Daemon, clock: Clock) -> None:
    """End a harness that is told to stop before it has found core."""
    await daemon.stop.wait()
    await clock.sleep(daemon.stop_seconds)
