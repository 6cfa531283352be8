"""The serve loop: takes a message, runs its turn, answers for it and settles it; then the next one, for ever.

Everything it calls may raise. It is supervised and always comes back: a turn that it lost on the way is given back to
core at the next beginning, and what core did not hear of is redelivered when its lease ends.
"""

import asyncio
import logging
import textwrap
from datetime import timedelta

from hive_agent.harness.aftermath import Aftermath, Aftermaths
from hive_agent.harness.conductor import Conductor, TurnEnd
from hive_agent.harness.control import Control
from hive_agent.harness.gate import Gate, Obstacle
from hive_agent.harness.inbox import POLL_MARGIN, POLL_SECONDS, Inbox
from hive_agent.harness.runners import Runners
from hive_agent.harness.states import States
from hive_agent.harness.steward import NOT_THE_CONVERSATION, Steward
from hive_agent.harness.turns import ActiveTurn
from hive_agent.harness.verdict import Verdict
from hive_agent.tasks import happens_within, meanwhile, unless
from hive_base.clock import Clock
from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.types import OPERATOR, AgentState, Message, TurnOutcome

log = logging.getLogger(__name__)

NOTHING_SAID = "(The turn ended without any words.)"
CANCELLED = "(An operator cancelled the turn.)"
LOOK_SECONDS = 10.0
"""How often memory is looked at while an idle runner is kept."""
MOST_EVIDENCE = 80
"""Characters of what the CLI said, in the state that people see; the turn has all of it."""


class ServeLoop:
    def __init__(
        self,
        *,
        inbox: Inbox,
        conductor: Conductor,
        steward: Steward,
        runners: Runners,
        control: Control,
        gate: Gate,
        states: States,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._conductor = conductor
        self._steward = steward
        self._runners = runners
        self._control = control
        self._gate = gate
        self._states = states
        self._clock = clock
        self._aftermaths = Aftermaths(clock)
        self._turn: ActiveTurn | None = None
        self.drained = asyncio.Event()

    async def run(self) -> None:
        """Serve until drained, then say so and wait for the end."""
        if self._turn is not None:
            await self.abandon(Verdict(TurnOutcome.CRASHED, "the harness failed in this turn"))
        await self._control.settings()
        while not self._control.drain.is_set():
            self._control.attention.clear()
            await self._obey()
            obstacle = self._gate.obstacle()
            if obstacle is not None:
                self._states.set(obstacle.state, reason=obstacle.reason, until=obstacle.until)
                await self._stand_by(obstacle)
                continue
            if await self._steward.seconds_to_checkpoint() == 0:
                await self._steward.think_about_checkpoint()
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

    async def _obey(self) -> None:
        """Carry out what operators asked for between two turns."""
        if (wake := self._control.asked(CommandKind.WAKE)) is not None:
            woken = self._gate.wake()
            self._control.settled(wake, refused=None if woken else "it waited for nothing any more")
        if (renewal := self._control.asked(CommandKind.NEW_SESSION)) is not None:
            await self._steward.begin_anew("an operator wanted a new one")
            self._control.settled(renewal)
        compaction = self._control.asked(CommandKind.COMPACT)
        if compaction is None or self._gate.obstacle() is not None:
            return
        if not self._steward.begun:
            self._control.settled(compaction, refused="the conversation has not begun yet")
            return
        end = await self._steward.compact()
        if end.verdict.outcome in NOT_THE_CONVERSATION:
            self._park(self._aftermaths.of(end.verdict), end.verdict)
        else:
            why = "an operator cancelled it" if end.cancelled else end.verdict.reason
            self._control.settled(compaction, refused=None if end.verdict.outcome is TurnOutcome.OK else why)

    async def _next(self) -> Message | None:
        """The next message; None when there is something else to look at first."""
        warm = self._runners.warm_seconds()
        if warm is not None and (warm == 0 or self._runners.memory_is_short()):
            await self._runners.end()
            warm = None
        checkpoint = await self._steward.seconds_to_checkpoint()
        waits = [POLL_SECONDS] + ([] if warm is None else [warm, LOOK_SECONDS])
        waits += [] if checkpoint is None else [checkpoint]
        # The poll ends in time by itself, unless core is away: that must not keep a runner for hours.
        late = self._clock.sleep(min(waits) + POLL_MARGIN)
        return await unless(self._control.attention.wait(), unless(late, self._inbox.take(min(waits))))

    async def _handle(self, message: Message) -> None:
        turn = self._turn = self._conductor.draft(message)
        self._states.set(AgentState.THINKING)
        async with meanwhile(self._inbox.keep(turn)):
            verdict = await self._steward.prepare(message)
            if verdict is None:
                verdict = await self._work(turn)
            if verdict is not None:
                after = self._aftermaths.of(verdict)
                await self._inbox.nack(turn.ids, verdict.reason, counted=after.counted)
        self._turn = None
        if verdict is None:
            self._aftermaths.went_well()
            self._gate.open()
        else:
            self._steward.needs(after.remedy, f"{after.why}: {verdict.reason}")
            self._park(after, verdict)
            if after.tell_operator:
                await self._inbox.tell_operator(turn.record.id, _complaint(after, verdict))

    async def _work(self, turn: ActiveTurn) -> Verdict | None:
        """Run it and settle its messages; how it ended when that went wrong."""
        self._states.set(AgentState.THINKING)
        end = await self._conductor.run(turn)
        await self._steward.learn(end)
        while turn.next_note is not None and end.verdict.outcome is TurnOutcome.OK and not end.cancelled:
            # Draining does not end the row: it is short, and what it works on is given back if it takes too long.
            turn = self._turn = self._conductor.follow(turn)
            end = await self._conductor.run(turn)
            await self._steward.learn(end)
        if turn.record.model:
            self._states.model_used(turn.record.model)
        if not end.well:
            return end.verdict
        await self._settle(turn, end)
        return None

    async def _settle(self, turn: ActiveTurn, end: TurnEnd) -> None:
        words = CANCELLED if end.cancelled else end.evidence.final_text.strip()
        for message in turn.unanswered():
            if words or message.sender == OPERATOR:
                await self._inbox.reply_automatically(message, words or NOTHING_SAID)
        await self._inbox.ack(turn.ids)
        self._steward.answered(turn.messages, words)

    def _park(self, after: Aftermath, verdict: Verdict) -> None:
        """Begin no turn for a while: what made the last one fail may be there still."""
        if verdict.outcome in {TurnOutcome.RATE_LIMITED, TurnOutcome.AUTH_FAILED}:
            self._gate.refused_again()
        if after.seconds == 0:
            return
        until = None if after.seconds is None else self._clock.now() + timedelta(seconds=after.seconds)
        evidence = textwrap.shorten(verdict.reason, MOST_EVIDENCE, placeholder=" …")
        self._gate.park(Obstacle(after.state, f"{after.why} ({evidence})" if evidence else after.why, until))

    async def _stand_by(self, obstacle: Obstacle) -> None:
        """Until it may be out of the way, or there is something to obey. No message is taken meanwhile."""
        warm = self._runners.warm_seconds()
        if warm is not None and (warm == 0 or self._runners.memory_is_short()):
            await self._runners.end()
            warm = None
        left = None if obstacle.until is None else (obstacle.until - self._clock.now()).total_seconds()
        waits = [seconds for seconds in (left, warm, None if warm is None else LOOK_SECONDS) if seconds is not None]
        if waits:
            await happens_within(self._control.attention, max(0.0, min(waits)), self._clock)
        else:
            await self._control.attention.wait()


def _complaint(after: Aftermath, verdict: Verdict) -> str:
    return (
        f"I stopped working: {after.why}. {verdict.reason}\n\nNothing is lost: what waits for me stays in my inbox. "
        "When it is put right, wake me (`hive wake`)."
    )
