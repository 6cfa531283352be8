"""What an agent's turns are like, learnt as they come: how much they add, and how often the cache is cold."""

from dataclasses import dataclass, replace

from hive_agent.policy.costs import Turn

_MEMORY = 0.96
"""The weight of all earlier turns against the next: about the last 25 turns count."""


@dataclass(frozen=True)
class Habits:
    """Weighted sums, each begun with a few imagined turns so that the first real ones are not believed too much."""

    turns: int = 0
    weight: float = 2.0
    new: float = 2.0 * 5_000
    output: float = 2.0 * 1_000
    largest: float = 0.0
    """Tokens that the largest of the remembered turns added; fades."""
    warm_after_warm: float = 1.5
    cold_after_warm: float = 0.5
    warm_after_cold: float = 1.0
    cold_after_cold: float = 1.0

    @property
    def mean(self) -> Turn:
        return Turn(self.new / self.weight, self.output / self.weight, 0)

    def chance_of_cold(self, *, after_cold: bool) -> float:
        """That the gap before the next turn outlives the cache, given how the last one was."""
        warm = self.warm_after_cold if after_cold else self.warm_after_warm
        cold = self.cold_after_cold if after_cold else self.cold_after_warm
        return cold / (warm + cold)

    def horizon(self) -> float:
        """How many further turns to expect: about as many as there were, for want of a better guess."""
        return min(100.0, max(12.0, float(self.turns)))

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
            output=self.output * _MEMORY + turn.output,
            largest=max(self.largest * _MEMORY, turn.new + turn.output),
        )
