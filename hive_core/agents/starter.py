"""Starting agents, and starting them again when nobody else does."""

from datetime import timedelta

from hive_base.clock import Clock
from hive_core.agents.containment import Containment
from hive_core.agents.models import Agent, Desired
from hive_core.agents.roster import Roster
from hive_core.agents.work import Work
from hive_rpc.errors import AgentFailedError, HiveError, NotFoundError
from hive_rpc.types import AgentState, ContainerState

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 1800.0
"""Seconds until core tries again with a container that does not come up or on which systemd has given up; doubled each
time. What systemd restarts by itself, it restarts after a second."""


class Starter:
    """Needs `work` to be running."""

    def __init__(self, *, roster: Roster, containment: Containment, work: Work, clock: Clock) -> None:
        self._roster = roster
        self._containment = containment
        self._work = work
        self._clock = clock

    async def start(self, name: str) -> None:
        """Boot an agent whose `verb` lock the caller holds. A failure is shown and raised, and core tries again."""
        agent = self._roster.get(name)
        try:
            await self._containment.up(agent)
        except AgentFailedError as error:
            if self._roster.get(name).container is ContainerState.RUNNING:
                # Its harness may still come.
                self._roster.show(name, AgentState.FAILED, error.message)
            else:
                # systemd would try again at once, over and over, and not with what is put right meanwhile.
                await self._containment.halt(agent)
                self.try_later(name, error.message)
            raise
        except HiveError as error:
            self.try_later(name, error.sentence())
            raise
        self._roster.life(name).defeats = 0

    def try_later(self, name: str, reason: str) -> None:
        """Nothing but core will start it again: show why it is down, and when the next attempt is."""
        life = self._roster.life(name)
        pause = min(FIRST_PAUSE * 2**life.defeats, LONGEST_PAUSE)
        life.defeats += 1
        until = self._clock.now() + timedelta(seconds=pause)
        self._roster.show(name, AgentState.FAILED, reason, until)
        self._work.start(f"starting {name} again", self._try_again(self._roster.get(name), pause))

    async def _try_again(self, then: Agent, pause: float) -> None:
        await self._clock.sleep(pause)
        async with self._roster.life(then.name).verb:
            try:
                now = self._roster.get(then.name)
            except NotFoundError:
                return
            # Whatever was done about it meanwhile has put something else in the place of this state.
            if now.desired is Desired.RUNNING and (now.state, now.until) == (AgentState.FAILED, then.until):
                await self.start(then.name)
