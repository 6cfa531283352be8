"""The decision before a turn, with its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hive_agent.policy.costs import Action, Conversation, Tariff, Turn, possible
from hive_agent.policy.habits import Habits
from hive_agent.policy.value import Value


@dataclass(frozen=True)
class Situation:
    """What is known before a turn."""

    conversation: Conversation
    warm: bool
    """The last request is younger than the cache's life, and went to the same model."""
    rework: float
    """Tokens that would have to be read again after a fresh start."""
    incoming: float = 0
    """Tokens of the message that wakes the agent, as far as they are known."""


@dataclass(frozen=True)
class Decision:
    """What to do, what each alternative is expected to cost, and from what."""

    action: Action
    costs: Mapping[Action, float]
    """USD of this turn and all later ones that count; an action that the window forbids is missing."""
    situation: Situation
    habits: Habits


@dataclass(frozen=True)
class Checkpoint:
    """Whether to write a hand-over note while the cache is warm."""

    cost: float
    """USD of writing it."""
    saving: float
    """USD that the next turn is expected to cost less."""

    @property
    def worth_it(self) -> bool:
        return self.saving > self.cost


@dataclass
class Policy:
    """One agent's policy; it learns from each turn."""

    habits: Habits = field(default_factory=Habits)
    _value: Value = field(default_factory=Value)
    _cold: bool = True
    """The last gap outlived the cache."""

    def decide(self, tariff: Tariff, situation: Situation) -> Decision:
        """Pick the cheapest; never to continue with a turn that, likely as they come, the window cannot hold."""
        self._value.solve(tariff, self.habits, situation.rework)
        costs = self._costs(tariff, situation)
        return Decision(min(costs, key=lambda a: costs[a]), costs, situation, self.habits)

    def checkpoint(self, tariff: Tariff, at: Conversation, rework: float) -> Checkpoint:
        """To be asked shortly before the cache goes cold: what a hand-over note written now would save.

        With the note nothing has to be worked out again after a fresh start, and writing it reads the context at the
        price of a warm cache, for the last time.
        """
        self._value.solve(tariff, self.habits, rework)
        lost, kept = (self._costs(tariff, Situation(at, warm=False, rework=r)) for r in (rework, 0))
        return Checkpoint(tariff.note(at), min(lost.values()) - min(kept.values()))

    def _costs(self, tariff: Tariff, situation: Situation) -> Mapping[Action, float]:
        at = situation.conversation
        turns = self.habits.likely(rework=situation.rework, incoming=situation.incoming)
        discount = 1 - 1 / self.habits.horizon()
        costs: dict[Action, float] = {}
        for action in Action:
            if possible(tariff, action, at, turns[0].turn) is not action:
                continue
            costs[action] = 0.0
            for likely in turns:
                done = possible(tariff, action, at, likely.turn)
                step = tariff.step(done, at, likely.turn, warm=situation.warm)
                later = self._value.of(step.conversation.context, after_cold=not situation.warm)
                costs[action] += likely.chance * (step.cost + discount * later)
        return costs

    def learn(self, turn: Turn, *, warm: bool, first: bool) -> None:
        """What the turn turned out to be, and whether the cache was warm when it began."""
        if not first:
            self.habits = self.habits.after_gap(cold=not warm, before_cold=self._cold)
            self._cold = not warm
        self.habits = self.habits.after_turn(turn)
