"""What a conversation of a given size will cost from here on: the solution of the policy's decision process.

States are the size of the context and whether the last gap outlived the cache; a turn adds what this agent's turns add
on average; the next gap is cold with the chance that this agent's gaps have. Costs of later turns count less and less,
so that the expected number of turns is `Habits.horizon`. Solved by value iteration on a grid of sizes; between points
it is linear.
"""

from dataclasses import dataclass, field

from hive_agent.policy.costs import Action, Conversation, Tariff, possible
from hive_agent.policy.habits import Habits

_POINTS = 32
_MIN_STEP = 4_000.0
_NEW = 16
"""Turns after which habits change slowly."""
_NEW_EVERY = 4
_SETTLED = 1e-4
"""Value iteration ends when no value changes by more than this part of the largest."""


@dataclass
class Value:
    """Kept between decisions: the last solution is the best beginning for the next."""

    sweeps: int = 8
    """At most so many at a time."""
    _step: float = 0
    _base: float = 0
    _solved: tuple[Tariff, float, int] | None = None
    _values: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    """USD by grid point: after a warm gap, after a cold one."""

    def solve(self, tariff: Tariff, habits: Habits, rework: float) -> None:
        """Bring the values up to date; of habits that hardly change any more, not with each turn."""
        asked = (tariff, rework, habits.turns if habits.turns < _NEW else habits.turns // _NEW_EVERY + _NEW)
        if asked == self._solved:
            return
        self._solved = asked
        self._lay_grid(tariff)
        discount = 1 - 1 / habits.horizon()
        options = [
            [self._options(tariff, habits, point, rework, warm=warm) for point in range(len(row))]
            for warm, row in zip((True, False), self._values, strict=True)
        ]
        for _ in range(self.sweeps):
            best = [
                [
                    min(
                        cost + discount * sum(p * (row[i] + (row[i + 1] - row[i]) * part) for p, i, part in places)
                        for cost, places in at_size
                    )
                    for at_size in by_warmth
                ]
                for by_warmth, row in zip(options, self._values, strict=True)
            ]
            new = []
            for after_cold in (False, True):
                cold = habits.chance_of_cold(after_cold=after_cold)
                new.append([(1 - cold) * w + cold * c for w, c in zip(best[0], best[1], strict=True)])
            change = max(abs(a - b) for a, b in zip(new[0], self._values[0], strict=True))
            self._values = (new[0], new[1])
            if change <= _SETTLED * max(new[0]):
                break

    def _options(
        self, tariff: Tariff, habits: Habits, point: int, rework: float, *, warm: bool
    ) -> list[tuple[float, list[tuple[float, int, float]]]]:
        """For each action at this size: its cost now, and where it leads with which chance. The same in each sweep."""
        output = habits.mean.output
        at = Conversation(self._base + point * self._step, self._cached(point, output))
        found = []
        for action in Action:
            cost = 0.0
            places = []
            for likely in habits.likely(rework=rework):
                step = tariff.step(possible(tariff, action, at, likely.turn), at, likely.turn, warm=warm)
                cost += likely.chance * step.cost
                places.append((likely.chance, *self._place(step.conversation.context)))
            found.append((cost, places))
        return found

    def of(self, context: float, *, after_cold: bool) -> float:
        row = self._values[after_cold]
        i, part = self._place(context)
        return row[i] + (row[i + 1] - row[i]) * part

    def _lay_grid(self, tariff: Tariff) -> None:
        step = max(_MIN_STEP, (tariff.window - tariff.sizes.base) / (_POINTS - 1))
        points = int((tariff.window - tariff.sizes.base) / step) + 2
        if (step, tariff.sizes.base, points) != (self._step, self._base, len(self._values[0])):
            self._step, self._base = step, tariff.sizes.base
            self._values = ([0.0] * points, [0.0] * points)

    def _cached(self, point: int, output: float) -> float:
        return max(self._base if point else 0.0, self._base + point * self._step - output)

    def _place(self, context: float) -> tuple[int, float]:
        """The grid point below and how far it is to the next; what is too large counts as the largest."""
        at = min(max(0.0, (context - self._base) / self._step), len(self._values[0]) - 1.0)
        i = min(int(at), len(self._values[0]) - 2)
        return i, at - i
