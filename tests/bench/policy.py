"""The session policy against hindsight and against the best fixed rule, in USD.

`floor` is the optimum of that trace, `peer` the best fixed rule. The shipped traces are always the same; of each family
there are also some with seeds drawn now, of which the worst is shown, and so of the traces that are made to be odd.
"""

import secrets

from hive_agent.policy.compare import OPTIMUM, OURS, Comparison, compare
from hive_agent.policy.costs import Sizes
from hive_agent.policy.families import FAMILIES, generate
from hive_base.prices import CacheLifetime
from tests.bench.figure import Figure
from tests.support.odd_traces import odd

REWORKS = (0, 5_000, 20_000)
UNSEEN = 3
"""Traces of each family and rework with a new seed."""
ODD = 20
ODD_TURNS = 60
"""Traces of `tests/support/odd_traces.py`, for each rework."""
_SHORT = {CacheLifetime.FIVE_MINUTES: "5m", CacheLifetime.ONE_HOUR: "1h"}


def _figure(name: str, found: Comparison) -> Figure:
    return Figure(
        metric=name,
        value=found.outcomes[OURS].cost,
        unit="USD",
        floor=found.outcomes[OPTIMUM].cost,
        peer=found.outcomes[found.best_fixed].cost,
    )


async def run() -> list[Figure]:
    figures = []
    for cache, short in _SHORT.items():
        for family in FAMILIES:
            for rework in REWORKS:
                name = f"policy {family} rework={rework} cache={short}"
                figures.append(_figure(name, compare(generate(family, seed=1, rework=rework), cache, Sizes())))
                drawn = {seed: generate(family, seed=seed, rework=rework) for seed in _seeds()}
                worst = max(
                    ((seed, compare(trace, cache, Sizes())) for seed, trace in drawn.items()),
                    key=lambda found: max(found[1].against_optimum / 1.15, found[1].against_best_fixed / 1.05),
                )
                figures.append(_figure(f"{name} seed={worst[0]}", worst[1]))
        for rework in REWORKS:
            found = [compare(odd(seed, most=ODD_TURNS, rework=rework), cache, Sizes()) for seed in _seeds(ODD)]
            for what, ratio in (("optimum", _against_optimum), ("best fixed", _against_best_fixed)):
                name = f"policy odd, worst of {ODD} against the {what} rework={rework} cache={short}"
                figures.append(_figure(name, max(found, key=ratio)))
    return figures


def _against_optimum(found: Comparison) -> float:
    return found.against_optimum


def _against_best_fixed(found: Comparison) -> float:
    return found.against_best_fixed


def _seeds(count: int = UNSEEN) -> list[int]:
    return [secrets.randbelow(10**9) for _ in range(count)]
