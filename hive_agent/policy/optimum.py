"""The least that a trace could have cost, had all of it been known: dynamic programming over its turns.

After a compaction or a fresh start the conversation does not depend on what was before, so a plan is known from when
and how it last began anew: n turns leave at most 2n + 1 plans. Of these only the ones go on that are not beaten by
another both in cost and in size, for a larger context is never cheaper later: the last answer, which alone is not in
the cache, is the same in all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hive_agent.policy.costs import Action, Conversation, Sizes
from hive_agent.policy.simulate import Moment, Outcome, moments, permitted
from hive_agent.policy.trace import Trace
from hive_base.prices import CacheLifetime


@dataclass(frozen=True)
class _Plan:
    conversation: Conversation
    outcome: Outcome


def optimum(trace: Trace, cache: CacheLifetime, sizes: Sizes) -> Outcome:
    plans: Sequence[_Plan] = []
    for moment in moments(trace, cache, sizes):
        begun = plans or [_Plan(moment.tariff.empty(), Outcome())]
        plans = _unbeaten(_next(plan, moment, action) for plan in begun for action in _choices(plan, moment))
    return min((plan.outcome for plan in plans), key=lambda outcome: outcome.cost, default=Outcome())


def _choices(plan: _Plan, moment: Moment) -> Iterable[Action]:
    return dict.fromkeys(permitted(moment, plan.conversation, wanted) for wanted in Action)


def _next(plan: _Plan, moment: Moment, action: Action) -> _Plan:
    step = moment.tariff.step(action, plan.conversation, moment.turn, warm=moment.warm)
    return _Plan(step.conversation, plan.outcome.plus(action, step.cost, step.tokens))


def _unbeaten(plans: Iterable[_Plan]) -> Sequence[_Plan]:
    kept: list[_Plan] = []
    for plan in sorted(plans, key=lambda plan: (plan.outcome.cost, plan.conversation.context)):
        if not kept or plan.conversation.context < kept[-1].conversation.context:
            kept.append(plan)
    return kept
