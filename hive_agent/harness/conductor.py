"""One turn from its prompt to its verdict: the runner does the work, core is told what happens."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from hive_agent import prompts
from hive_agent.classify import Cancel
from hive_agent.harness.control import Control
from hive_agent.harness.conversation import Conversation
from hive_agent.harness.core import Core
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
from hive_rpc.types import Empty, Event, EventKind, Message, Turn, TurnOutcome

log = logging.getLogger(__name__)

ASK_SECONDS = 1.0
"""How long a turn waits to hear who else is there; it does without when core is away."""


@dataclass(frozen=True)
class TurnEnd:
    """How a turn ended, and what is left to be done about its messages."""

    verdict: Verdict
    final_text: str
    cancelled: bool
    """An operator ended it: its messages are done with."""


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
        self._runners = runners
        self._toolbox = toolbox
        self._outbox = outbox
        self._clock = clock

    def begin(self, message: Message) -> ActiveTurn:
        """The turn that a message wakes. From here on, what `recv` takes belongs to it."""
        now = self._clock.now()
        record = Turn(
            id=new_id("turn"),
            messages=[message.id],
            started_at=now,
            queued_seconds=max(0.0, (now - message.sent_at).total_seconds()),
            session=self._conversation.session,
            attempts=message.attempts,
        )
        return self._begun(ActiveTurn(record, [message], began=self._clock.monotonic()))

    def follow(self, before: ActiveTurn) -> ActiveTurn:
        """The turn that the model asked for in the one before, which has ended well."""
        record = Turn(
            id=new_id("turn"),
            messages=before.ids,
            wake_reason="requested",
            started_at=self._clock.now(),
            queued_seconds=0,
            session=self._conversation.session,
            attempts=before.record.attempts,
        )
        return self._begun(before.follow(record, began=self._clock.monotonic()))

    def _begun(self, turn: ActiveTurn) -> ActiveTurn:
        self._toolbox.turn = turn
        self._control.cancel.clear()
        record = turn.record
        self._outbox.add(Event(kind=EventKind.TURN_STARTED, at=record.started_at, turn_id=record.id, turn=record))
        return turn

    async def run(self, turn: ActiveTurn) -> TurnEnd:
        """Run it to its end, whatever that is."""
        settings = await self._control.settings()
        launch = self._surroundings.launch(
            self._home,
            settings,
            session=self._conversation.session,
            resume=self._conversation.has_transcript,
            forward_port=self._forward_port,
        )
        instruction = TurnInstruction(turn_id=turn.record.id, prompt=await self._prompt(turn))
        delay = self._clock.monotonic() - turn.began
        watchdog = Watchdog(self._runners, self._control.cancel, settings, self._clock)

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
            await self._runners.end()
        if verdict.outcome is TurnOutcome.SESSION_LOST:
            await self._runners.end()
            self._conversation.begin("the earlier one was lost")
        self._close(turn, evidence, verdict, delay)
        by_operator = watchdog.cut_short is not None and watchdog.cut_short.cancel is Cancel.REQUESTED
        cancelled = by_operator and verdict.outcome is TurnOutcome.INTERRUPTED
        return TurnEnd(verdict, evidence.final_text, cancelled=cancelled)

    def abandon(self, turn: ActiveTurn, verdict: Verdict) -> None:
        """Record the end of a turn that `run` did not return from; a turn that has ended stays as it is."""
        if turn.record.outcome is None:
            self._close(turn, TurnFinishedRequest(turn_id=turn.record.id), verdict, None)

    def _close(self, turn: ActiveTurn, evidence: TurnFinishedRequest, verdict: Verdict, delay: float | None) -> None:
        self._toolbox.turn = None
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
            fresh = prompts.fresh(reason=reason, state=self._home.state, peers=peers)
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
