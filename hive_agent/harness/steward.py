"""Looks after the conversation between turns: goes on with it, has it compacted, or begins a new one."""

import logging
from collections.abc import Sequence

from hive_agent import prompts
from hive_agent.harness.aftermath import Remedy
from hive_agent.harness.conductor import Conductor, TurnEnd
from hive_agent.harness.control import Control
from hive_agent.harness.conversation import Conversation
from hive_agent.harness.handover import Handover
from hive_agent.harness.runners import Runners
from hive_agent.harness.session_policy import SessionPolicy, words
from hive_agent.harness.states import States
from hive_agent.harness.verdict import Verdict
from hive_agent.policy.costs import Action
from hive_base.clock import Clock
from hive_rpc.types import AgentState, Message, TurnOutcome

log = logging.getLogger(__name__)

NOT_THE_CONVERSATION = frozenset(
    {
        TurnOutcome.RATE_LIMITED,
        TurnOutcome.OVERLOADED,
        TurnOutcome.NETWORK,
        TurnOutcome.AUTH_FAILED,
        TurnOutcome.BUDGET_EXHAUSTED,
        TurnOutcome.CONFIGURATION,
    }
)
"""Ends of a compaction after which it can be tried again as it was."""


class Steward:
    def __init__(
        self,
        *,
        conductor: Conductor,
        control: Control,
        conversation: Conversation,
        handover: Handover,
        runners: Runners,
        states: States,
        clock: Clock,
        policy: SessionPolicy,
    ) -> None:
        self._conductor = conductor
        self._control = control
        self._conversation = conversation
        self._handover = handover
        self._runners = runners
        self._states = states
        self._clock = clock
        self._policy = policy
        self._remedy = Remedy.NONE
        self._because = ""
        self._thought_about: float | None = None

    @property
    def begun(self) -> bool:
        """There is a conversation that could be compacted or left."""
        return self._conversation.has_transcript

    def needs(self, remedy: Remedy, because: str) -> None:
        """Let this happen before the next turn."""
        if remedy is not Remedy.NONE:
            self._remedy, self._because = remedy, because

    async def prepare(self, message: Message) -> Verdict | None:
        """Make the conversation ready for a turn. What keeps it from that, when it is not the conversation's doing."""
        if self._remedy is Remedy.FRESH:
            await self.begin_anew(self._because)
        elif self._remedy is Remedy.COMPACT:
            return await self._compact_or_leave(self._because)
        return await self._decide(message)

    async def begin_anew(self, because: str) -> None:
        """Let the next turn begin a conversation."""
        await self._runners.end()
        self._conversation.begin(because)
        self._policy.follow(self._conversation.session)
        self._remedy = Remedy.NONE

    async def compact(self) -> TurnEnd:
        """Have the CLI replace the conversation by a summary."""
        self._states.set(AgentState.COMPACTING)
        end = await self._conductor.run_own("compact", prompts.COMPACT)
        if end.verdict.outcome is TurnOutcome.OK:
            self._policy.compacted(await self._control.settings(), end.evidence)
            self._remedy = Remedy.NONE
        return end

    async def learn(self, end: TurnEnd) -> None:
        """A turn has ended."""
        self._policy.follow(self._conversation.session)
        self._policy.learn(await self._control.settings(), end.evidence)

    def answered(self, messages: Sequence[Message], words: str) -> None:
        """Messages are done with; a new conversation is to know of it."""
        self._handover.answered(messages, words)

    async def seconds_to_checkpoint(self) -> float | None:
        """Until a hand-over note is to be thought about; None when there is no need to."""
        if not self.begun or not self._handover.turns_since_note:
            return None
        at = self._policy.checkpoint_at(await self._control.settings())
        if at is None or at.timestamp() == self._thought_about:
            return None
        return max(0.0, (at - self._clock.now()).total_seconds())

    async def think_about_checkpoint(self) -> None:
        """While the cache is warm: have a hand-over note written when a cold start is expected to cost more."""
        settings = await self._control.settings()
        at = self._policy.checkpoint_at(settings)
        self._thought_about = None if at is None else at.timestamp()
        found = self._policy.checkpoint(settings)
        if found is None:
            return
        verb = "is written" if found.worth_it else "is not worth it"
        self._conductor.note(
            f"A hand-over note {verb}: it costs {found.cost:.4f} USD and is expected to save {found.saving:.4f} USD."
        )
        if not found.worth_it:
            return
        self._states.set(AgentState.THINKING, reason="writing a hand-over note")
        end = await self._conductor.run_own("checkpoint", prompts.checkpoint())
        self._policy.learn(settings, end.evidence)
        if end.verdict.outcome is TurnOutcome.OK:
            self._handover.wrote(end.evidence.final_text)

    async def _decide(self, message: Message) -> Verdict | None:
        self._policy.follow(self._conversation.session)
        if not self.begun:
            return None
        has_note = bool(self._handover.note) and not self._handover.turns_since_note
        decision = self._policy.decide(await self._control.settings(), incoming=len(message.body), has_note=has_note)
        if decision is None:
            return None
        self._conductor.decided(words(decision), self._policy.as_object(decision))
        match decision.action:
            case Action.COMPACT:
                return await self._compact_or_leave("the session policy compacts it")
            case Action.FRESH:
                await self.begin_anew("a new one costs less than going on with the earlier one")
        return None

    async def _compact_or_leave(self, because: str) -> Verdict | None:
        end = await self.compact()
        verdict = end.verdict
        if end.well:
            # Also when an operator cancelled it: then it goes on as it is.
            self._remedy = Remedy.NONE
            return None
        if verdict.outcome in NOT_THE_CONVERSATION:
            self.needs(Remedy.COMPACT, because)
            return verdict
        await self.begin_anew(f"{because}, and compacting failed: {verdict.reason}")
        return None
