"""The model's API for benches: the stand-in on loopback, which writes down when each request reaches it.

It is behind the hive's gateway and behind the bare SDK, so that both are timed at the same place.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import python
from tests.support.hive_host import free_port


@dataclass(frozen=True)
class Arrivals:
    url: str
    record: Path

    def first_since(self, moment: float) -> float:
        """When the first request for an answer since `moment` arrived; both in seconds of CLOCK_MONOTONIC."""
        for line in self.record.read_text().splitlines():
            seen = json.loads(line)
            if seen["monotonic"] >= moment and seen["path"].partition("?")[0] == "/v1/messages":
                return float(seen["monotonic"])
        raise RuntimeError("no request reached the model's API")


@asynccontextmanager
async def recording(directory: Path) -> AsyncIterator[Arrivals]:
    record, port = directory / "arrivals.jsonl", free_port()
    async with python("hive_gateway.standin", "--port", str(port), "--record", record):
        yield Arrivals(f"http://127.0.0.1:{port}", record)
