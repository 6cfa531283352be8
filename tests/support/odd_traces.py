"""Traces of agents' turns of many shapes, made from a seed: what the session policy was not tuned on.

A trace is a few *regimes* one after the other. In each the gaps, the sizes of turns, the rework and the model follow
something else, from an agent that is asked little all day to one that reads whole repositories; some are drawn to be
unkind: gaps around the cache's lifetime, sizes with very long tails, models in turns, a single turn.
"""

import random
from collections.abc import Iterator

from hive_agent.policy.trace import Trace, TraceTurn

MODELS = ("opus", "sonnet", "haiku", "haiku-5-5", "fable-5-1", "opus-5-5", "sonnet-4", "opus[1m]")
REWORKS = (0, 5_000, 20_000)


def odd(seed: int, *, most: int = 400, rework: int | None = None) -> Trace:
    """At most `most` turns; `rework` where it is to be the same for all."""
    chance = random.Random(f"odd-{seed}")
    count = min(most, max(1, round(chance.choice((5, 25, 100, 400)) * chance.lognormvariate(0, 0.8))))
    regimes = chance.choice((1, 1, 1, 2, 4))
    turns: list[TraceTurn] = []
    t = 0.0
    usual = chance.choice(MODELS)
    for regime in range(regimes):
        if regime and chance.random() < 0.3:
            usual = chance.choice(MODELS)
        again = rework if rework is not None else chance.choice(REWORKS)
        gaps, new, output = _gaps(chance), _sizes(chance, 150, 40_000), _sizes(chance, 50, 6_000)
        mixed = chance.random() < 0.1
        for _ in range(-(-count // regimes)):
            t += next(gaps)
            turns.append(
                TraceTurn(
                    t=round(t, 1),
                    new_tokens=int(min(150_000, next(new))),
                    output_tokens=int(min(32_000, next(output))),
                    model=chance.choice(MODELS) if mixed and chance.random() < 0.2 else usual,
                    rework_tokens=again,
                )
            )
    return Trace(turns[:count])


def _gaps(chance: random.Random) -> Iterator[float]:
    lifetime = chance.choice((300.0, 3600.0))
    match chance.randrange(7):
        case 0:
            yield from _spread(chance, lifetime * chance.choice((0.05, 0.5, 1, 2, 20)), chance.choice((0.2, 0.8, 1.5)))
        case 1:
            # Just within or just beyond.
            while True:
                yield lifetime * chance.uniform(0.9, 1.1)
        case 2:
            yield from _mixture(chance, lifetime, chance.random())
        case 3:
            # Bursts.
            while True:
                yield lifetime * chance.uniform(1.5, 30)
                for _ in range(chance.randint(1, 12)):
                    yield lifetime * chance.uniform(0.01, 0.5)
        case 4:
            # A timer.
            while True:
                yield lifetime * (0.5 if chance.random() < 0.5 else 1.01)
        case 5:
            every = lifetime * chance.choice((0.2, 0.99, 1.5, 4))
            while True:
                yield every
        case _:
            # Every so often one is cold.
            period = chance.randint(2, 15)
            while True:
                for _ in range(period):
                    yield lifetime * 0.1
                yield lifetime * 3


def _mixture(chance: random.Random, lifetime: float, cold: float) -> Iterator[float]:
    while True:
        yield lifetime * (chance.uniform(1.1, 10) if chance.random() < cold else chance.uniform(0.01, 0.9))


def _sizes(chance: random.Random, least: float, most: float) -> Iterator[float]:
    middle = least * (most / least) ** chance.random()
    match chance.randrange(5):
        case 0:
            while True:
                yield middle
        case 1:
            yield from _spread(chance, middle, chance.choice((0.3, 0.8, 1.4)))
        case 2:
            # Now and then something very large.
            rare = chance.uniform(0.02, 0.2)
            while True:
                yield middle * (chance.uniform(5, 40) if chance.random() < rare else chance.uniform(0.3, 1.5))
        case 3:
            while True:
                yield middle * chance.paretovariate(1.2)
        case _:
            # It grows, or it shrinks.
            factor = chance.choice((0.95, 0.99, 1.02, 1.05))
            while True:
                yield middle
                middle = min(most, max(least, middle * factor))


def _spread(chance: random.Random, middle: float, sigma: float) -> Iterator[float]:
    while True:
        yield middle * chance.lognormvariate(0, sigma)
