"""What steps of a conversation cost, and that the optimum is one."""

import itertools
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hive_agent.policy.costs import Action, Conversation, Sizes, Tariff, Turn
from hive_agent.policy.optimum import optimum
from hive_agent.policy.simulate import FIXED, moments, ours, permitted, run
from hive_agent.policy.trace import Trace, TraceTurn, parse
from hive_base import prices
from hive_base.prices import CacheLifetime
from hive_rpc.errors import InvalidError

FIVE = CacheLifetime.FIVE_MINUTES
SIZES = Sizes()
OPUS = Tariff.of("opus", FIVE, SIZES)
LONG = Conversation(120_000, 119_000)


def test_the_price_of_a_request_is_that_of_the_price_list() -> None:
    # One million tokens of each kind, Opus 4.8 with the five-minute cache.
    cost = prices.model("claude-opus-4-8").cost(read=1e6, written=1e6, output=1e6, cache=FIVE)
    assert cost == pytest.approx(0.50 + 6.25 + 25)
    hour = prices.model("claude-sonnet-5").cost(read=0, written=1e6, output=0, cache=CacheLifetime.ONE_HOUR)
    assert hour == pytest.approx(4)


def test_the_table_is_dated_and_prices_every_alias_of_the_cli() -> None:
    assert date(2026, 1, 1) < prices.AS_OF
    assert {prices.model(name).name for name in ("opus", "sonnet", "haiku")} == {"opus", "sonnet", "haiku"}
    assert prices.model("claude-haiku-4-5-20251001").name == "haiku"
    assert prices.model("claude-opus-4-20250514").input == 15
    assert prices.model("unheard-of") == prices.model("opus")
    assert prices.usable_window("claude-opus-4-8[1m]") > prices.usable_window("claude-opus-4-8")


def test_a_long_prompt_of_a_banded_model_costs_more_for_all_its_tokens() -> None:
    haiku = prices.model("claude-haiku-5-5")
    short = haiku.cost(read=0, written=100_000, output=0, cache=FIVE)
    assert haiku.cost(read=0, written=100_001, output=0, cache=FIVE) == pytest.approx(5 * short, rel=1e-3)


def test_a_warm_cache_makes_going_on_cheap_and_a_cold_one_dear() -> None:
    turn = Turn(1000, 500, 5000)
    warm, cold = (OPUS.step(Action.CONTINUE, LONG, turn, warm=warm).cost for warm in (True, False))
    fresh = OPUS.step(Action.FRESH, LONG, turn, warm=False).cost
    assert warm < fresh < cold


def test_a_step_leaves_all_but_the_answer_in_the_cache() -> None:
    after = OPUS.step(Action.CONTINUE, LONG, Turn(1000, 500, 0), warm=True).conversation
    assert after == Conversation(121_500, 121_000)


def test_rework_is_paid_for_by_a_fresh_start_alone() -> None:
    def cost(action: Action, rework: float) -> float:
        return OPUS.step(action, LONG, Turn(1000, 500, rework), warm=True).cost

    assert cost(Action.FRESH, 5000) == pytest.approx(cost(Action.FRESH, 0) + 5000 * 6.25 / 1e6)
    assert cost(Action.COMPACT, 5000) == cost(Action.COMPACT, 0)
    assert cost(Action.CONTINUE, 5000) == cost(Action.CONTINUE, 0)


turns = st.builds(
    TraceTurn,
    t=st.floats(0, 2000),
    new_tokens=st.integers(0, 90_000),
    output_tokens=st.integers(0, 9_000),
    model=st.sampled_from(["opus", "haiku-5-5"]),
    rework_tokens=st.sampled_from([0, 5_000, 20_000]),
)


@st.composite
def traces(draw: st.DrawFn, most: int) -> Trace:
    drawn = draw(st.lists(turns, max_size=most))
    times = itertools.accumulate(turn.t for turn in drawn)
    return Trace([turn.model_copy(update={"t": t}) for turn, t in zip(drawn, times, strict=True)])


@settings(max_examples=40, deadline=None)
@given(traces(most=5), st.sampled_from(CacheLifetime))
def test_the_optimum_is_what_trying_every_plan_finds(trace: Trace, cache: CacheLifetime) -> None:
    def cost(plan: tuple[Action, ...]) -> float:
        total, at = 0.0, None
        for moment, wanted in zip(moments(trace, cache, SIZES), plan, strict=True):
            at = at or moment.tariff.empty()
            step = moment.tariff.step(permitted(moment, at, wanted), at, moment.turn, warm=moment.warm)
            total, at = total + step.cost, step.conversation
        return total

    least = min(cost(plan) for plan in itertools.product(Action, repeat=len(trace.turns)))
    assert optimum(trace, cache, SIZES).cost == pytest.approx(least)


@settings(max_examples=20, deadline=None)
@given(traces(most=8), st.sampled_from(CacheLifetime))
def test_no_policy_beats_the_optimum(trace: Trace, cache: CacheLifetime) -> None:
    least = optimum(trace, cache, SIZES).cost
    for rule in (ours(), *FIXED.values()):
        assert run(trace, rule, cache, SIZES).cost >= least - 1e-9


def test_a_change_of_model_finds_no_warm_cache() -> None:
    lines = [
        TraceTurn(t=t, new_tokens=1, output_tokens=1, model=m) for t, m in ((0, "opus"), (9, "opus"), (18, "haiku"))
    ]
    assert [moment.warm for moment in moments(Trace(lines), FIVE, SIZES)] == [False, True, False]


def test_a_trace_that_is_none_says_in_which_line() -> None:
    with pytest.raises(InvalidError, match="Line 2"):
        parse('{"t": 0, "new_tokens": 1, "output_tokens": 1}\n{"t": 1}\n')
    with pytest.raises(InvalidError, match="earlier"):
        parse('{"t": 5, "new_tokens": 1, "output_tokens": 1}\n{"t": 1, "new_tokens": 1, "output_tokens": 1}\n')
    with pytest.raises(InvalidError, match="no turns"):
        parse("\n")
