"""What happens to agents without a verb: containers that die and come back, harnesses that come and go."""

import logging
from contextlib import aclosing

from hive_core.agents.containment import HELLO_SECONDS, Containment
from hive_core.agents.hooks import Hooks
from hive_core.agents.models import Agent, Desired
from hive_core.agents.roster import Roster
from hive_core.agents.starter import Starter
from hive_core.agents.work import Work
from hive_core.containers.containers import Containers
from hive_core.containers.models import ContainerStatus
from hive_rpc.errors import HiveError, NotFoundError
from hive_rpc.interfaces.agent import ReportStateRequest
from hive_rpc.types import AgentState, ContainerState

log = logging.getLogger(__name__)

_ENDED = frozenset({ContainerState.STOPPED, ContainerState.FAILED})
_NOT_AT_WORK = frozenset({AgentState.STARTING, AgentState.STOPPED, AgentState.FAILED})


class Follower:
    """Keeps the roster true to what systemd and the harnesses say. While a verb is at work, the state is the verb's."""

    def __init__(
        self,
        *,
        roster: Roster,
        containers: Containers,
        containment: Containment,
        starter: Starter,
        work: Work,
        hooks: Hooks,
    ) -> None:
        self._roster = roster
        self._containers = containers
        self._containment = containment
        self._starter = starter
        self._work = work
        self._hooks = hooks

    async def run(self) -> None:
        """Follow the containers until cancelled."""
        async with aclosing(self._containers.watch()) as statuses:
            async for status in statuses:
                agent = self._roster.of_machine(status.machine)
                if agent is None:
                    continue
                try:
                    await self._saw(agent, status)
                except HiveError as error:
                    # One agent's trouble, or a full disk, must not end the watch over the others.
                    log.error("%s: %s", agent.name, error.sentence())

    async def hello(self, name: str, instance: str) -> None:
        before = self._roster.get(name)
        self._roster.greet(name, instance)
        self._roster.life(name).greeted.set()
        is_new = before.instance != instance
        if before.state is not AgentState.STOPPING and (is_new or before.state in _NOT_AT_WORK):
            self._roster.show(name, AgentState.IDLE)

    async def harness_left(self, name: str, instance: str) -> None:
        try:
            agent = self._roster.get(name)
        except NotFoundError:
            return
        life = self._roster.life(name)
        if agent.instance != instance:
            return
        life.greeted.clear()
        if agent.container is ContainerState.RUNNING and not life.verb.locked():
            self._roster.show(name, AgentState.STARTING, "Its harness has ended and is started again.")
            self.expect_hello(name)

    async def report_state(self, name: str, request: ReportStateRequest) -> None:
        agent = self._roster.get(name)
        if request.model is not None:
            self._roster.note_model(name, request.model)
        # `stopped` is the harness's answer to a drain, after which the container has yet to stop.
        if agent.container in _ENDED or AgentState.STOPPING is agent.state or request.state is AgentState.STOPPED:
            return
        self._roster.show(name, request.state, request.reason, request.until)

    def expect_hello(self, name: str) -> None:
        """The container runs: show it when its harness does not come."""
        self._work.start(f"waiting for the hello of {name}", self._await_hello(name))

    async def _saw(self, agent: Agent, status: ContainerStatus) -> None:
        name = agent.name
        life = self._roster.life(name)
        self._roster.note_container(name, status.state)
        if status.state in _ENDED:
            life.greeted.clear()
        if life.verb.locked():
            return
        match status.state:
            case ContainerState.FAILED:
                await self._failed(agent, status)
            case ContainerState.STOPPED if agent.container is not ContainerState.STOPPED:
                by_hand = agent.desired is Desired.RUNNING
                reason = "Its container was shut down from inside or by hand." if by_hand else None
                self._roster.show(name, AgentState.STOPPED, reason)
                await self._hooks.container_died(name)
            case ContainerState.STARTING:
                self._roster.show(name, AgentState.STARTING, agent.reason)
            case ContainerState.STOPPING:
                self._roster.show(name, AgentState.STOPPING, "Its container is being shut down.")
            case ContainerState.RUNNING:
                self.expect_hello(name)

    async def _failed(self, agent: Agent, status: ContainerStatus) -> None:
        name, how = agent.name, status.failure or "ended"
        if agent.container is not ContainerState.FAILED:
            self._roster.show(name, AgentState.FAILED, f"Its container {how}; systemd starts it again.")
            await self._hooks.container_died(name)
            self._add_lines(name, status.invocation)
        # It may be told twice; with an `until`, the next attempt is planned already.
        if status.given_up and self._roster.get(name).until is None:
            self._starter.try_later(name, f"Its container {how}, and systemd does not start it again.")
            self._add_lines(name, status.invocation)

    def _add_lines(self, name: str, invocation: str | None = None) -> None:
        """Add to the reason that is shown now what the log said last; reading it is too slow to wait for."""
        self._work.start(f"the last words of {name}", self._fetch_lines(self._roster.get(name), invocation))

    async def _fetch_lines(self, then: Agent, invocation: str | None) -> None:
        said = await self._containment.last_lines(then, invocation)
        now = self._roster.get(then.name)
        if now.reason == then.reason:
            self._roster.show(now.name, now.state, f"{now.reason}{said}", now.until)

    async def _await_hello(self, name: str) -> None:
        if await self._containment.greeted(name):
            return
        agent = self._roster.get(name)
        if agent.container is not ContainerState.RUNNING or self._roster.life(name).verb.locked():
            return
        self._roster.show(name, AgentState.FAILED, f"Its harness has not said hello for {HELLO_SECONDS:g} s.")
        self._add_lines(name)
