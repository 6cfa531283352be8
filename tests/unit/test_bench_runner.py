"""The benches can be started; what they measure is for `make bench` to say."""

import importlib
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from tests.bench.__main__ import BENCHES
from tests.bench.figure import Figure, alternate


@pytest.mark.parametrize("name", BENCHES)
def test_each_bench_is_there(name: str) -> None:
    assert callable(importlib.import_module(f"tests.bench.{name}").run)


def test_an_unknown_bench_is_refused_with_the_names_of_those_there_are() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.bench", "nosuch"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"no such bench: nosuch; there are {', '.join(BENCHES)}\n"


def test_a_figure_is_a_line_of_json_with_its_ratio_to_the_floor() -> None:
    assert Figure("m", 3.0, "ms", floor=2.0).line() == (
        '{"metric": "m", "value": 3.0, "unit": "ms", "floor": 2.0, "peer": null, "ratio": 1.5}'
    )
    assert '"ratio": null' in Figure("m", 3.0, "ms").line()


async def test_measures_take_turns_and_each_gives_its_median() -> None:
    order: list[str] = []

    def measure(name: str, values: list[float]) -> Callable[[], Awaitable[float]]:
        async def take() -> float:
            order.append(name)
            return values.pop(0)

        return take

    assert await alternate(3, [measure("a", [1, 100, 2]), measure("b", [5, 4, 6])]) == [2, 5]
    assert order == ["a", "b", "a", "b", "a", "b"]
