"""Our policy beside the fixed rules and the optimum."""

from collections.abc import Mapping
from dataclasses import dataclass

from hive_agent.policy.costs import Sizes
from hive_agent.policy.optimum import optimum
from hive_agent.policy.simulate import FIXED, Outcome, ours, run
from hive_agent.policy.trace import Trace
from hive_base.prices import CacheLifetime

OURS = "ours"
OPTIMUM = "optimum"


@dataclass(frozen=True)
class Comparison:
    outcomes: Mapping[str, Outcome]
    """By policy: ours, the fixed rules, the optimum."""

    @property
    def best_fixed(self) -> str:
        return min(FIXED, key=lambda name: self.outcomes[name].cost)

    @property
    def against_optimum(self) -> float:
        return _ratio(self.outcomes[OURS].cost, self.outcomes[OPTIMUM].cost)

    @property
    def against_best_fixed(self) -> float:
        return _ratio(self.outcomes[OURS].cost, self.outcomes[self.best_fixed].cost)


def compare(trace: Trace, cache: CacheLifetime, sizes: Sizes) -> Comparison:
    return Comparison(
        {
            OURS: run(trace, ours(), cache, sizes),
            **{name: run(trace, rule, cache, sizes) for name, rule in FIXED.items()},
            OPTIMUM: optimum(trace, cache, sizes),
        }
    )


def _ratio(cost: float, against: float) -> float:
    return cost / against if against else 1.0
