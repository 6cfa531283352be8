"""The serve loop: takes a message, runs its turn, answers for it and settles it; then the next one, for ever.

Everything it calls may raise. It is supervised and always comes back: a turn that it lost on the way is given back to
core at the next beginning, and what core did not hear of is redelivered when its lease ends.
"""

import asyncio
import logging
from datetime import timedelta

from hive_agent.harness.backoff import Backoff
from hive_agent.harness.conductor import Conductor, TurnEnd
from hive_agent.harness.control import Control
from hive_agent.harness.inbox import POLL_MARGIN, POLL_SECONDS, Inbox
from hive_agent.harness.runners import Runners
from hive_agent.harness.states import States
from hive_agent.harness.turns import ActiveTurn
from hive_agent.harness.verdict import Verdict
from hive_agent.tasks import happens_within, meanwhile, unless
from hive_base.clock import Clock
from hive_rpc.types import OPERATOR, AgentState, Message, TurnOutcome

log = logging.getLogger(__name__)

FIRST_PAUSE = 5.0
MOST_PAUSE = 300.0
NOTHING_SAID = "(The turn ended without any words.)"
CANCELLED = "(An operator cancelled the turn.)"


class ServeLoop:
    def __init__(
        self,
        *,
        inbox: Inbox,
        conductor: Conductor,
        runners: Runners,
        control: Control,
        states: States,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._conductor = conductor
        self._runners = runners
        self._control = control
        self._states = states
        self._clock = clock
        self._pause = Backoff(clock, first=FIRST_PAUSE, most=MOST_PAUSE)
        self._turn: ActiveTurn | None = None
        self.drained = asyncio.Event()

    async def run(self) -> None:
        """Serve until drained, then say so and wait for the end."""
        if self._turn is not None:
            await self.abandon(Verdict(TurnOutcome.CRASHED, "the harness failed in this turn"))
        await self._control.settings()
        while not self._control.drain.is_set():
            self._states.set(AgentState.IDLE)
            message = await self._next()
            if message is not None:
                await self._handle(message)
        await self._runners.end()
        self._states.set(AgentState.STOPPED, reason="drained")
        self.drained.set()
        await asyncio.Event().wait()

    async def abandon(self, verdict: Verdict) -> None:
        """Give the messages of a turn that cannot go on back to core, and end everything that works on it."""
        if self._turn is not None:
            self._conductor.abandon(self._turn, verdict)
            await self._runners.kill()
            await self._inbox.nack(self._turn.ids, verdict.reason)
            self._turn = None

    async def _next(self) -> Message | None:
        """The next message; None when a warm runner's time is over, or when draining began."""
        warm = self._runners.warm_seconds()
        if warm == 0:
            await self._runners.end()
            warm = None
        draining = self._control.drain.wait()
        if warm is None:
            return await unless(draining, self._inbox.take(POLL_SECONDS))
        # The poll ends in time by itself, unless core is away: that must not keep a runner for hours.
        late = self._clock.sleep(warm + POLL_MARGIN)
        return await unless(draining, unless(late, self._inbox.take(warm)))

    async def _handle(self, message: Message) -> None:
        turn = self._turn = self._conductor.begin(message)
        self._states.set(AgentState.THINKING)
        async with meanwhile(self._inbox.keep(turn)):
            end = await self._conductor.run(turn)
            while turn.next_note is not None and end.verdict.outcome is TurnOutcome.OK and not end.cancelled:
                # Draining does not end the row: it is short, and what it works on is given back if it takes too long.
                turn = self._turn = self._conductor.follow(turn)
                end = await self._conductor.run(turn)
            if end.verdict.outcome is TurnOutcome.OK or end.cancelled:
                await self._settle(turn, end)
            else:
                await self._inbox.nack(turn.ids, end.verdict.reason)
        self._turn = None
        if turn.record.model:
            self._states.model_used(turn.record.model)
        if end.verdict.outcome is TurnOutcome.OK or end.cancelled:
            self._pause.reset()
        else:
            await self._rest(end.verdict.reason)

    async def _settle(self, turn: ActiveTurn, end: TurnEnd) -> None:
        words = CANCELLED if end.cancelled else end.final_text.strip()
        for message in turn.unanswered():
            if words or message.sender == OPERATOR:
                await self._inbox.reply_automatically(message, words or NOTHING_SAID)
        await self._inbox.ack(turn.ids)

    async def _rest(self, reason: str) -> None:
        """After a failed turn, wait before the next one: what made it fail may be there still."""
        delay = self._pause.next_delay()
        self._states.set(
            AgentState.PARKED,
            reason=f"the last turn failed: {reason}",
            until=self._clock.now() + timedelta(seconds=delay),
        )
        await happens_within(self._control.drain, delay, self._clock)
