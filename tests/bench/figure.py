"""One measured figure, and the pieces that every bench needs."""

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    metric: str
    value: float
    unit: str
    floor: float | None = None
    """The same work with nothing of ours in it, measured in this run."""
    peer: float | None = None
    """The same work by a well-known program, measured in this run."""

    def line(self) -> str:
        ratio = None if not self.floor else round(self.value / self.floor, 3)
        row = {**asdict(self), "ratio": ratio}
        return json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()})


async def alternate(rounds: int, measures: Sequence[Callable[[], Awaitable[float]]]) -> list[float]:
    """Run the measures in turns, so that a noisy minute touches all of them, and give each one's median."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for results, measure in zip(taken, measures, strict=True):
            results.append(await measure())
    return [statistics.median(results) for results in taken]


@asynccontextmanager
async def python(module: str, *arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process of our own; it says that it is ready with one line, and ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", module), *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        if not await process.stdout.readline():
            raise RuntimeError(f"{module} ended before it was ready")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
