"""The decisions of the session policy, and how near they come to what hindsight would have chosen."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hive_agent.main import main
from hive_agent.policy.compare import compare
from hive_agent.policy.costs import Action, Conversation, Sizes, Tariff, Turn
from hive_agent.policy.decide import Policy, Situation
from hive_agent.policy.families import FAMILIES, generate
from hive_base.prices import CacheLifetime
from tests.support.odd_traces import odd

DOCS = Path(__file__).parents[2] / "docs" / "session-policy.md"
SIZES = Sizes()
OPUS = Tariff.of("opus", CacheLifetime.FIVE_MINUTES, SIZES)


def decided(context: float, *, warm: bool, rework: float) -> Action:
    at = Conversation(context, context - 500)
    return Policy().decide(OPUS, Situation(at, warm=warm, rework=rework)).action


def test_a_small_warm_conversation_goes_on() -> None:
    assert decided(25_000, warm=True, rework=5_000) is Action.CONTINUE


def test_a_large_cold_conversation_does_not() -> None:
    assert decided(150_000, warm=False, rework=5_000) is Action.FRESH
    assert decided(150_000, warm=True, rework=100_000) is Action.COMPACT


def test_a_turn_that_the_window_cannot_hold_is_never_entered() -> None:
    full = Situation(Conversation(OPUS.window - 100, OPUS.window - 600), warm=True, rework=1e6)
    decision = Policy().decide(OPUS, full)
    assert Action.CONTINUE not in decision.costs
    assert decision.action is not Action.CONTINUE
    nearly = Situation(Conversation(100_000, 99_500), warm=True, rework=1e6, incoming=90_000)
    assert Action.CONTINUE not in Policy().decide(OPUS, nearly).costs


def test_a_decision_says_what_its_alternatives_cost() -> None:
    decision = Policy().decide(OPUS, Situation(Conversation(60_000, 59_000), warm=True, rework=5_000))
    assert set(decision.costs) == set(Action)
    assert decision.costs[decision.action] == min(decision.costs.values())


def test_the_same_turns_lead_to_the_same_decisions() -> None:
    trace = generate("bursty", seed=4, rework=5_000)
    first, second = (compare(trace, CacheLifetime.FIVE_MINUTES, SIZES) for _ in range(2))
    assert first == second


def test_an_agent_learns_that_its_cache_is_always_cold() -> None:
    policy = Policy()
    for n in range(20):
        policy.learn(Turn(4_000, 800, 0), warm=False, first=n == 0)
    assert policy.habits.chance_of_cold(after_cold=True) > 0.8
    assert policy.habits.mean.new == pytest.approx(4_000, rel=0.1)


def test_a_large_turn_is_expected_as_rarely_as_it_came_and_as_large() -> None:
    policy = Policy()
    for n in range(200):
        policy.learn(Turn(100_000 if n % 10 == 0 else 1_000, 800, 0), warm=True, first=n == 0)
    large = [likely for likely in policy.habits.likely() if likely.turn.new > 50_000]
    assert sum(likely.chance for likely in large) == pytest.approx(0.1, abs=0.05)
    assert large[0].turn.new == pytest.approx(100_000, rel=0.05)
    assert sum(likely.chance for likely in policy.habits.likely()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("seed", [50_000, 50_006, 50_047, 50_206])
@pytest.mark.parametrize("rework", [0, 5_000, 20_000])
def test_on_odd_traces_too(seed: int, rework: int) -> None:
    """With one model or several, and turns, gaps and habits of all kinds; docs/session-policy.md has the worst."""
    found = compare(odd(seed, most=40, rework=rework), CacheLifetime.FIVE_MINUTES, SIZES)
    assert found.against_optimum <= 1.15
    assert found.against_best_fixed <= 1.05


def test_a_note_is_worth_writing_before_a_large_conversation_goes_cold() -> None:
    large, small = Conversation(150_000, 149_000), Conversation(20_000, 19_500)
    assert Policy().checkpoint(OPUS, large, rework=30_000).worth_it
    assert not Policy().checkpoint(OPUS, small, rework=30_000).worth_it
    assert not Policy().checkpoint(OPUS, large, rework=0).worth_it


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rework", [0, 5_000, 20_000])
def test_on_shipped_traces_the_policy_is_near_the_optimum_and_no_fixed_rule_is_better(family: str, rework: int) -> None:
    found = compare(generate(family, seed=1, rework=rework), CacheLifetime.FIVE_MINUTES, SIZES)
    assert found.against_optimum <= 1.15
    assert found.against_best_fixed <= 1.05
    documented = f"| {family} | {rework:,} | {found.against_optimum:.3f} | {found.against_best_fixed:.3f} |"
    assert documented in DOCS.read_text(), f"docs/session-policy.md is stale, it should say {documented}"


@pytest.mark.parametrize(
    ("family", "seed", "rework", "model"),
    [
        ("chatty", 90_001, 20_000, "haiku"),
        ("bursty", 90_002, 5_000, "sonnet"),
        ("long-running", 90_003, 20_000, "opus"),
        ("overnight", 90_004, 20_000, "sonnet"),
    ],
)
def test_on_traces_that_it_was_not_made_with_too(family: str, seed: int, rework: int, model: str) -> None:
    """`make bench` draws new ones each time."""
    found = compare(generate(family, seed=seed, rework=rework, model=model), CacheLifetime.ONE_HOUR, SIZES)
    assert found.against_optimum <= 1.15
    assert found.against_best_fixed <= 1.05


def test_the_commands_make_and_price_a_trace() -> None:
    made = CliRunner().invoke(main, ["make-trace", "overnight", "--seed", "7", "--rework", "5000"])
    assert set(json.loads(made.stdout.splitlines()[0])) >= {
        "t",
        "new_tokens",
        "output_tokens",
        "model",
        "rework_tokens",
    }
    priced = CliRunner().invoke(main, ["simulate-policy", "-"], input=made.stdout)
    policies = json.loads(priced.stdout)
    assert {"ours", "optimum", "always_continue", "always_fresh"} <= set(policies)
    assert len(policies) == 6
    assert all(set(found) == {"cost", "tokens", "resets", "compactions"} for found in policies.values())


def test_a_trace_that_is_none_is_refused_with_a_sentence() -> None:
    turn = '{"t": 1, "new_tokens": 1, "output_tokens": 1}'
    for text, words in (
        ("not json\n", "Line 1"),
        (f"{turn}\n[]\n", "Line 2"),
        (f"{turn}\n{turn.replace('1', '0')}\n", "earlier"),
        ('{"t": 0, "new_tokens": -1, "output_tokens": 1}\n', "new_tokens"),
        ("\n\n", "no turns"),
    ):
        done = CliRunner().invoke(main, ["simulate-policy", "-"], input=text)
        assert (done.exit_code, words in done.stderr) == (1, True), done.stderr
    assert CliRunner().invoke(main, ["simulate-policy", "-"], input=f"\ufeff{turn}\r\n").exit_code == 0
