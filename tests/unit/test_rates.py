"""So many at once, then so many per second."""

from hive_core.rates import Rate, Rates
from tests.support.manual_clock import ManualClock


async def test_a_burst_and_then_the_rate() -> None:
    clock = ManualClock()
    rates = Rates(clock, Rate(burst=3, per_second=0.5))
    assert [rates.take("a") for _ in range(4)] == [0, 0, 0, 2]
    await clock.advance(1)
    assert rates.take("a") == 1
    await clock.advance(1)
    assert rates.take("a") == 0
    assert rates.take("b") == 0, "each name has its own"


async def test_more_than_a_burst_at_once_is_let_through_and_paid_back() -> None:
    clock = ManualClock()
    rates = Rates(clock, Rate(burst=10, per_second=1))
    assert rates.take("a", 30) == 0
    assert rates.take("a") == 21
    await clock.advance(21)
    assert rates.take("a") == 0


async def test_what_is_given_back_can_be_taken_again_and_never_more_than_a_burst() -> None:
    rates = Rates(ManualClock(), Rate(burst=2, per_second=1))
    rates.take("a")
    for _ in range(5):
        rates.give_back("a")
    assert [rates.take("a") for _ in range(3)] == [0, 0, 1]


async def test_names_that_nobody_uses_are_forgotten() -> None:
    clock = ManualClock()
    rates = Rates(clock, Rate(burst=1, per_second=1))
    for n in range(5000):
        rates.take(f"name {n}")
        if n == 4000:
            await clock.advance(1)
    assert len(rates) < 2000
