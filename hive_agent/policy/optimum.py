"""The least that a trace could have cost, had all of it been known: dynamic programming over its turns.

After a compaction or a fresh start the conversation does not depend on what was before. So where a plan stands is
known from when and how it last began anew: for n turns there are at most 2n + 1 places, and n² / 2 steps decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hive_agent.policy.costs import Action, Conversation, Sizes
from hive_agent.policy.prices import CacheLifetime
from hive_agent.policy.simulate import Outcome, moments, permitted
from hive_agent.policy.trace import Trace

_Place = tuple[Action, int]
"""How the conversation last began, and at which turn."""


@dataclass(frozen=True)
class _Plan:
    conversation: Conversation
    outcome: Outcome


def optimum(trace: Trace, cache: CacheLifetime, sizes: Sizes) -> Outcome:
    plans: Mapping[_Place, _Plan] = {}
    for moment in moments(trace, cache, sizes):
        begun = plans or {(Action.CONTINUE, 0): _Plan(moment.tariff.empty(), Outcome())}
        best: dict[_Place, _Plan] = {}
        for place, plan in begun.items():
            for wanted in Action:
                action = permitted(moment, plan.conversation, wanted)
                if action is not wanted:
                    continue
                step = moment.tariff.step(action, plan.conversation, moment.turn, warm=moment.warm)
                # Compacting leaves the same base in the cache whatever was before; so does a fresh start but for
                # the very first, empty conversation.
                there = place if action is Action.CONTINUE else (action, moment.index)
                cost = plan.outcome.cost + step.cost
                if there not in best or cost < best[there].outcome.cost:
                    best[there] = _Plan(step.conversation, plan.outcome.plus(action, step.cost, step.tokens))
        plans = best
    return min((plan.outcome for plan in plans.values()), key=lambda outcome: outcome.cost, default=Outcome())
