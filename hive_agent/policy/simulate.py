"""Policies on a trace: what each would have cost."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hive_agent.policy.costs import Action, Conversation, Sizes, Tariff, Turn, possible
from hive_agent.policy.decide import Policy, Situation
from hive_agent.policy.trace import Trace
from hive_base.prices import CacheLifetime

LARGE = 150_000
RESET_SIZE = 100_000
RESET_IDLE_SECONDS = 3600.0


@dataclass(frozen=True)
class Moment:
    """A turn of a trace as a simulation meets it."""

    index: int
    turn: Turn
    tariff: Tariff
    warm: bool
    idle: float
    """Seconds since the turn before; 0 for the first."""


@dataclass(frozen=True)
class Outcome:
    cost: float = 0
    tokens: float = 0
    resets: int = 0
    compactions: int = 0

    def plus(self, action: Action, cost: float, tokens: float) -> "Outcome":
        return Outcome(
            self.cost + cost,
            self.tokens + tokens,
            self.resets + (action is Action.FRESH),
            self.compactions + (action is Action.COMPACT),
        )

    def as_object(self) -> dict[str, float]:
        return {
            "cost": round(self.cost, 6),
            "tokens": round(self.tokens),
            "resets": self.resets,
            "compactions": self.compactions,
        }


Rule = Callable[[Moment, Conversation], Action]


def moments(trace: Trace, cache: CacheLifetime, sizes: Sizes) -> Iterator[Moment]:
    """The turns with what does not depend on the policy. A change of model leaves the cache behind."""
    before = None
    for index, line in enumerate(trace.turns):
        idle = 0.0 if before is None else line.t - before.t
        warm = before is not None and idle < cache.seconds and before.model == line.model
        turn = Turn(line.new_tokens, line.output_tokens, line.rework_tokens)
        yield Moment(index, turn, Tariff.of(line.model, cache, sizes), warm, idle)
        before = line


def permitted(moment: Moment, at: Conversation, wanted: Action) -> Action:
    """What happens when a policy wants this.

    An empty conversation can only go on, and no policy can make a window hold what it does not.
    """
    if moment.index == 0:
        return Action.CONTINUE
    return possible(moment.tariff, wanted, at, moment.turn)


def run(trace: Trace, rule: Rule, cache: CacheLifetime, sizes: Sizes) -> Outcome:
    total = Outcome()
    at: Conversation | None = None
    for moment in moments(trace, cache, sizes):
        at = at or moment.tariff.empty()
        action = permitted(moment, at, rule(moment, at))
        step = moment.tariff.step(action, at, moment.turn, warm=moment.warm)
        total = total.plus(action, step.cost, step.tokens)
        at = step.conversation
    return total


def ours() -> Rule:
    """The policy as the harness runs it: it sees a turn's size only afterwards."""
    policy = Policy()
    last: list[Moment] = []

    def rule(moment: Moment, at: Conversation) -> Action:
        if last:
            before = last.pop()
            policy.learn(before.turn, warm=before.warm, first=before.index == 0)
        last.append(moment)
        return policy.decide(moment.tariff, Situation(at, moment.warm, moment.turn.rework)).action

    return rule


def always_continue(moment: Moment, at: Conversation) -> Action:
    return Action.CONTINUE


def always_fresh(moment: Moment, at: Conversation) -> Action:
    return Action.FRESH


def compact_when_large(moment: Moment, at: Conversation) -> Action:
    return Action.COMPACT if at.context >= LARGE else Action.CONTINUE


def reset_when_large_and_idle(moment: Moment, at: Conversation) -> Action:
    large = at.context >= RESET_SIZE and moment.idle >= RESET_IDLE_SECONDS
    return Action.FRESH if large else Action.CONTINUE


FIXED: Mapping[str, Rule] = {
    "always_continue": always_continue,
    "always_fresh": always_fresh,
    "compact_at_150k": compact_when_large,
    "reset_at_100k_after_1h_idle": reset_when_large_and_idle,
}
