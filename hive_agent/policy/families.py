"""Four kinds of days that agents have, as traces made from a seed: the same seed gives the same trace."""

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from hive_agent.policy.trace import Trace, TraceTurn

_Turns = Iterator[tuple[float, float, float]]
"""Seconds since the turn before, new tokens, output tokens."""

DEFAULT_MODEL = "opus"


def _spread(chance: random.Random, middle: float, sigma: float) -> float:
    """Log-normal: mostly near the middle, sometimes several times that."""
    return chance.lognormvariate(0, sigma) * middle


def _chatty(chance: random.Random) -> _Turns:
    """Short questions all day, a pause now and then."""
    while True:
        pause = chance.random() < 0.08
        gap = _spread(chance, 1500, 0.6) if pause else _spread(chance, 60, 0.7)
        yield gap, _spread(chance, 900, 0.7), _spread(chance, 300, 0.6)


def _bursty(chance: random.Random) -> _Turns:
    """Work comes in bursts, with up to some hours between them."""
    while True:
        yield _spread(chance, 4000, 0.8), _spread(chance, 6000, 0.6), _spread(chance, 1200, 0.5)
        for _ in range(chance.randint(3, 18)):
            yield _spread(chance, 45, 0.5), _spread(chance, 3000, 0.8), _spread(chance, 700, 0.6)


def _long_running(chance: random.Random) -> _Turns:
    """One large task after the other: much is read, much is written, with tests in between that outlive the cache."""
    while True:
        gap = _spread(chance, 700, 0.5) if chance.random() < 0.15 else _spread(chance, 100, 0.6)
        yield gap, _spread(chance, 9000, 0.9), _spread(chance, 2500, 0.7)


def _overnight(chance: random.Random) -> _Turns:
    """Some turns in the evening, a night's pause, and scheduled looks at something an hour or more apart."""
    while True:
        yield _spread(chance, 30_000, 0.2), _spread(chance, 5000, 0.5), _spread(chance, 1000, 0.5)
        for _ in range(chance.randint(3, 7)):
            yield _spread(chance, 5000, 0.5), _spread(chance, 3000, 0.6), _spread(chance, 600, 0.5)
        for _ in range(chance.randint(2, 8)):
            yield _spread(chance, 120, 0.5), _spread(chance, 5000, 0.7), _spread(chance, 1000, 0.5)


FAMILIES: Mapping[str, tuple[Callable[[random.Random], _Turns], int]] = {
    "chatty": (_chatty, 240),
    "bursty": (_bursty, 180),
    "long-running": (_long_running, 160),
    "overnight": (_overnight, 90),
}
"""How the turns come, and how many a trace has."""


def generate(family: str, *, seed: int, rework: int = 0, model: str = DEFAULT_MODEL) -> Trace:
    make, count = FAMILIES[family]
    chance = random.Random(f"{family}-{seed}")  # noqa: S311 the same for everybody is the point
    t = 0.0
    turns = []
    for gap, new, output in islice(make(chance), count):
        t += gap
        turns.append(
            TraceTurn(t=round(t, 1), new_tokens=int(new), output_tokens=int(output), model=model, rework_tokens=rework)
        )
    return Trace(turns)
