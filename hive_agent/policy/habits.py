"""What an agent's turns are like, learnt as they come: how much they add, and how often the cache is cold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hive_agent.policy.costs import Turn

_MEMORY = 0.96
"""The weight of all earlier turns against the next: about the last 25 turns count."""
_LARGE = 0.2
"""The share of turns that are taken as large ones."""


@dataclass(frozen=True)
class Likely:
    """A turn that may come, and how likely."""

    chance: float
    turn: Turn


@dataclass(frozen=True)
class Habits:
    """Weighted sums, each begun with a few imagined turns so that the first real ones are not believed too much."""

    turns: int = 0
    weight: float = 2.0
    new: float = 2.0 * 5_000
    new_squared: float = 2.0 * 2 * 5_000**2
    output: float = 2.0 * 1_000
    warm_after_warm: float = 1.5
    cold_after_warm: float = 0.5
    warm_after_cold: float = 1.0
    cold_after_cold: float = 1.0

    @property
    def mean(self) -> Turn:
        return Turn(self.new / self.weight, self.output / self.weight, 0)

    def likely(self, *, rework: float = 0, incoming: float = 0) -> Sequence[Likely]:
        """A smaller and a larger turn with the mean and the spread of what came: sizes have long tails, and it is the
        large turns that fill a window or cross into a dearer price. None is smaller than what is known to come in.
        """
        mean = self.mean
        spread = math.sqrt(max(0.0, self.new_squared / self.weight - mean.new**2))
        small = max(0.0, mean.new - spread * math.sqrt(_LARGE / (1 - _LARGE)))
        large = (mean.new - (1 - _LARGE) * small) / _LARGE
        return [
            Likely(1 - _LARGE, Turn(max(small, incoming), mean.output, rework)),
            Likely(_LARGE, Turn(max(large, incoming), mean.output, rework)),
        ]

    def chance_of_cold(self, *, after_cold: bool) -> float:
        """That the gap before the next turn outlives the cache, given how the last one was."""
        warm = self.warm_after_cold if after_cold else self.warm_after_warm
        cold = self.cold_after_cold if after_cold else self.cold_after_warm
        return cold / (warm + cold)

    def horizon(self) -> float:
        """How many further turns to expect: about as many as there were, for want of a better guess."""
        return min(100.0, max(8.0, float(self.turns)))

    def after_gap(self, *, cold: bool, before_cold: bool) -> "Habits":
        """With one more gap between turns."""
        name = f"{'cold' if cold else 'warm'}_after_{'cold' if before_cold else 'warm'}"
        other = f"{'warm' if cold else 'cold'}_after_{'cold' if before_cold else 'warm'}"
        return replace(self, **{name: getattr(self, name) * _MEMORY + 1, other: getattr(self, other) * _MEMORY})

    def after_turn(self, turn: Turn) -> "Habits":
        """With one more turn."""
        return replace(
            self,
            turns=self.turns + 1,
            weight=self.weight * _MEMORY + 1,
            new=self.new * _MEMORY + turn.new,
            new_squared=self.new_squared * _MEMORY + turn.new**2,
            output=self.output * _MEMORY + turn.output,
        )
