"""How long a new agent takes until its first turn is over, beside a bare boot of the same root and the bare SDK."""

import tempfile
import time
from pathlib import Path

from hive_base.ids import new_id
from hive_rpc.interfaces.operator.request import AgentRequest
from tests.bench import sdk
from tests.bench.arrivals import Arrivals, recording
from tests.bench.container import booted
from tests.bench.figure import Figure, alternate
from tests.bench.hive import BenchHive, bench_hive

ROUNDS = 9


async def _spawn(hive: BenchHive) -> float:
    # The name goes into the machine's, of which the first letters count.
    name = "b" + new_id("a")[-6:]
    turned = await hive.spawn(name)
    await hive.operator.purge(AgentRequest(name=name))
    return turned.ended - turned.began


async def _bare(directory: Path, arrivals: Arrivals) -> float:
    home = Path(tempfile.mkdtemp(dir=directory))
    began = time.monotonic()
    async with booted(directory, "bare"):
        boot = time.monotonic() - began
    began = time.monotonic()
    await sdk.connected_turn(home, arrivals.url)
    return boot + time.monotonic() - began


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with recording(directory) as arrivals, bench_hive(directory, arrivals.url) as hive:
            ours, bare = await alternate(ROUNDS, [lambda: _spawn(hive), lambda: _bare(directory, arrivals)])
    return [Figure("spawn_to_first_turn", ours, "s", floor=bare)]
