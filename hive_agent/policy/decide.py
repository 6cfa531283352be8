"""The decision before a turn, with its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hive_agent.policy.costs import Action, Conversation, Tariff, Turn
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


@dataclass
class Policy:
    """One agent's policy; it learns from each turn."""

    habits: Habits = field(default_factory=Habits)
    _value: Value = field(default_factory=Value)
    _cold: bool = True
    """The last gap outlived the cache."""

    def decide(self, tariff: Tariff, situation: Situation) -> Decision:
        """Pick the cheapest; never one that the window cannot hold, judged by the largest of the latest turns."""
        self._value.solve(tariff, self.habits, situation.rework)
        mean = self.habits.mean
        turn = Turn(max(mean.new, situation.incoming), mean.output, situation.rework)
        bound = Turn(max(self.habits.largest, turn.new), turn.output, situation.rework)
        costs: dict[Action, float] = {}
        for action in Action:
            if action is Action.CONTINUE and not tariff.fits(action, situation.conversation, bound):
                continue
            step = tariff.step(action, situation.conversation, turn, warm=situation.warm)
            later = self._value.of(step.conversation.context, after_cold=not situation.warm)
            costs[action] = step.cost + later * (1 - 1 / self.habits.horizon())
        return Decision(min(costs, key=lambda a: costs[a]), costs, situation, self.habits)

    def learn(self, turn: Turn, *, warm: bool, first: bool) -> None:
        """What the turn turned out to be, and whether the cache was warm when it began."""
        if not first:
            self.habits = self.habits.after_gap(cold=not warm, before_cold=self._cold)
            self._cold = not warm
        self.habits = self.habits.after_turn(turn)
