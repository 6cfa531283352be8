"""One turn from its prompt to its verdict: the runner does the work, core is told what happens."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from hive_agent import prompts
from hive_agent.classify import Cancel
from hive_agent.harness.control import Control
from hive_agent.harness.conversation import Conversation
from hive_agent.harness.core import Core
from hive_agent.harness.handover import Handover
from hive_agent.harness.outbox import Outbox
from hive_agent.harness.runners import Runners
from hive_agent.harness.surroundings import Home, Surroundings
from hive_agent.harness.toolbox import Toolbox
from hive_agent.harness.turns import ActiveTurn
from hive_agent.harness.verdict import Verdict, judge
from hive_agent.harness.watchdog import Watchdog
from hive_agent.tasks import meanwhile
from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.agent import WhoAmIReply
from hive_rpc.interfaces.runner import TurnFinishedRequest, TurnInstruction
from hive_rpc.types import Empty, Event, EventKind, Message, Object, Turn, TurnOutcome

log = logging.getLogger(__name__)

ASK_SECONDS = 1.0
"""How long a turn waits to hear who else is there; it does without when core is away."""


@dataclass(frozen=True)
class TurnEnd:
    """How a turn ended, and what is left to be done about its messages."""

    verdict: Verdict
    evidence: TurnFinishedRequest
    cancelled: bool
    """An operator ended it: its messages are done with."""

    @property
    def well(self) -> bool:
        """Its messages are done with."""
        return self.cancelled or self.verdict.outcome is TurnOutcome.OK


class Conductor:
    def __init__(
        self,
        *,
        surroundings: Surroundings,
        home: Home,
        forward_port: int,
        core: Core,
        control: Control,
        conversation: Conversation,
        handover: Handover,
        runners: Runners,
        toolbox: Toolbox,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._surroundings = surroundings
        self._home = home
        self._forward_port = forward_port
        self._core = core
        self._control = control
        self._conversation = conversation
        self._handover = handover
        self._runners = runners
        self._toolbox = toolbox
        self._outbox = outbox
        self._clock = clock

    def draft(self, message: Message) -> ActiveTurn:
        """The turn that a message will wake, before anything is done for it."""
        record = Turn(id=new_id("turn"), messages=[message.id], started_at=self._clock.now(), attempts=message.attempts)
        return ActiveTurn(record, [message], began=self._clock.monotonic())

    def follow(self, before: ActiveTurn) -> ActiveTurn:
        """The turn that the model asked for in the one before, which has ended well."""
        record = Turn(
            id=new_id("turn"),
            messages=before.ids,
            wake_reason="requested",
            started_at=self._clock.now(),
            attempts=before.record.attempts,
        )
        return before.follow(record, began=self._clock.monotonic())

    async def run(self, turn: ActiveTurn) -> TurnEnd:
        """Run it to its end, whatever that is. From its beginning on, what `recv` takes belongs to it."""
        self._begin(turn)
        self._toolbox.turn = turn
        return await self._play(turn, await self._prompt(turn))

    async def run_own(self, reason: str, prompt: str) -> TurnEnd:
        """A turn that no message woke: it has no tools of the hive."""
        record = Turn(id=new_id("turn"), wake_reason=reason, started_at=self._clock.now())
        turn = ActiveTurn(record, [], began=self._clock.monotonic())
        self._begin(turn)
        try:
            return await self._play(turn, prompt)
        except Exception:
            self.abandon(turn, Verdict(TurnOutcome.CRASHED, "the harness failed in this turn"))
            raise

    def abandon(self, turn: ActiveTurn, verdict: Verdict) -> None:
        """Record the end of a turn that `run` did not return from; a turn that has ended stays as it is."""
        if turn.record.outcome is None:
            self._close(turn, TurnFinishedRequest(turn_id=turn.record.id), verdict, None)

    def note(self, text: str, turn_id: str | None = None) -> None:
        """Something that people who look should know."""
        self._outbox.add(Event(kind=EventKind.NOTICE, at=self._clock.now(), turn_id=turn_id, text=text))

    def decided(self, words: str, numbers: Object) -> None:
        """What the session policy chose."""
        self._outbox.add(Event(kind=EventKind.NOTICE, at=self._clock.now(), text=words, decision=numbers))

    def _begin(self, turn: ActiveTurn) -> None:
        now = self._clock.now()
        turn.began = self._clock.monotonic()
        queued = 0.0
        if turn.messages and not turn.followed:
            queued = max(0.0, (now - turn.messages[0].sent_at).total_seconds())
        turn.record = turn.record.model_copy(
            update={"started_at": now, "queued_seconds": queued, "session": self._conversation.session}
        )
        self._control.cancel.clear()
        self._control.in_turn = True
        self._outbox.add(Event(kind=EventKind.TURN_STARTED, at=now, turn_id=turn.record.id, turn=turn.record))

    async def _play(self, turn: ActiveTurn, prompt: str) -> TurnEnd:
        settings = await self._control.settings()
        launch = self._surroundings.launch(
            self._home,
            settings,
            session=self._conversation.session,
            resume=self._conversation.has_transcript,
            forward_port=self._forward_port,
        )
        instruction = TurnInstruction(turn_id=turn.record.id, prompt=prompt)
        delay = self._clock.monotonic() - turn.began
        self._toolbox.ask_seconds = settings.ask_seconds
        watchdog = Watchdog(
            self._runners, self._control.cancel, settings, self._clock, waited=self._toolbox.permits.waited
        )

        def on_events(events: Sequence[Event]) -> None:
            watchdog.sign_of_life()
            for event in events:
                self._outbox.add(event)

        async with meanwhile(watchdog.run()):
            evidence = await self._runners.turn(
                launch, instruction, keep_warm_seconds=settings.keep_warm_seconds, on_events=on_events
            )
        verdict = judge(evidence, watchdog.cut_short)
        if watchdog.cut_short is not None:
            # Its tools may have outlived the interrupt.
            await self._runners.end_tools()
            await self._toolbox.permits.take_back()
        self._close(turn, evidence, verdict, delay)
        by_operator = watchdog.cut_short is not None and watchdog.cut_short.cancel is Cancel.REQUESTED
        cancelled = by_operator and verdict.outcome is TurnOutcome.INTERRUPTED
        return TurnEnd(verdict, evidence, cancelled=cancelled)

    def _close(self, turn: ActiveTurn, evidence: TurnFinishedRequest, verdict: Verdict, delay: float | None) -> None:
        self._toolbox.turn = None
        self._control.in_turn = False
        first = evidence.first_token_seconds
        turn.record = turn.record.model_copy(
            update={
                "messages": turn.ids,
                "outcome": verdict.outcome,
                "error": verdict.reason or None,
                "ended_at": self._clock.now(),
                "first_token_seconds": None if first is None or delay is None else first + delay,
                "duration_seconds": self._clock.monotonic() - turn.began,
                "model": evidence.model,
                "usage": evidence.usage,
                "cost_usd": evidence.cost_usd,
                "context_tokens": evidence.context_tokens,
                "tools": evidence.tools,
            }
        )
        self._outbox.add(
            Event(kind=EventKind.TURN_ENDED, at=self._clock.now(), turn_id=turn.record.id, turn=turn.record)
        )

    async def _prompt(self, turn: ActiveTurn) -> str:
        me = await self._who_am_i()
        fresh = None
        if reason := self._conversation.fresh_because:
            peers = [peer.name for peer in me.peers] if me else []
            handover = prompts.handover(self._handover.note, self._handover.exchanges)
            fresh = prompts.fresh(reason=reason, state=self._home.state, peers=peers, handover=handover)
        waiting = me.unread if me else None
        if turn.followed:
            return prompts.requested(turn.note, waiting=waiting, fresh=fresh)
        return prompts.wake(turn.messages[0], waiting=waiting, fresh=fresh)

    async def _who_am_i(self) -> WhoAmIReply | None:
        try:
            return await self._core.calls.attempt(lambda agent: agent.who_am_i(Empty()), limit=ASK_SECONDS)
        except HiveError as error:
            log.debug("Nobody says who is there: %s", error)
            return None
