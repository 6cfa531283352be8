"""What an agent's turns are like, learnt as they come: how much they add, and how often the cache is cold."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from hive_agent.policy.costs import Turn

_MEMORY = 0.96
"""The weight of all earlier turns against the next: about the last 25 turns count."""
_CLASSES = (8_000, 16_000, 32_000, 64_000, 128_000)
"""Where a class of sizes of turns ends, in new tokens; the last class has no end."""
_IMAGINED = ((1.6, 3_000), (0.2, 12_000), (0.1, 24_000), (0.06, 48_000), (0.03, 96_000), (0.01, 140_000))
"""Of each class the weight and the tokens of turns before there were any: half as many in each further one."""
_NEGLIGIBLE = 1e-3
"""The share below which a class is left out."""

_OfClasses = Annotated[tuple[tuple[float, float], ...], Field(min_length=len(_IMAGINED), max_length=len(_IMAGINED))]


@dataclass(frozen=True)
class Likely:
    """A turn that may come, and how likely."""

    chance: float
    turn: Turn


@dataclass(frozen=True)
class Habits:
    """Weighted sums, each begun with a few imagined turns so that the first real ones are not believed too much."""

    turns: int = 0
    sizes: _OfClasses = tuple((weight, weight * new) for weight, new in _IMAGINED)
    """Of each class of sizes the weight of its turns, and their new tokens."""
    weight: float = 2.0
    output: float = 2.0 * 1_000
    warm_after_warm: float = 1.5
    cold_after_warm: float = 0.5
    warm_after_cold: float = 1.0
    cold_after_cold: float = 1.0

    @property
    def mean(self) -> Turn:
        new = sum(new for _, new in self.sizes) / sum(weight for weight, _ in self.sizes)
        return Turn(new, self.output / self.weight, 0)

    def likely(self, *, rework: float = 0, incoming: float = 0) -> Sequence[Likely]:
        """A turn of each class of sizes, as large as they were on average: sizes have long tails, and it is the large
        turns that fill a window or cross into a dearer price. None is smaller than what is known to come in.
        """
        total = sum(weight for weight, _ in self.sizes)
        output = self.output / self.weight
        return [
            Likely(weight / total, Turn(max(new / weight, incoming), output, rework))
            for weight, new in self.sizes
            if weight > _NEGLIGIBLE * total
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
        of = bisect(_CLASSES, turn.new)
        sizes = [(weight * _MEMORY, new * _MEMORY) for weight, new in self.sizes]
        sizes[of] = sizes[of][0] + 1, sizes[of][1] + turn.new
        return replace(
            self,
            turns=self.turns + 1,
            sizes=tuple(sizes),
            weight=self.weight * _MEMORY + 1,
            output=self.output * _MEMORY + turn.output,
        )
