"""How soon a message to an idle agent becomes a request to the model's API, beside the bare SDK.

From the operator's `Send` to the arrival; from the SDK's `query` (warm) or `connect` (cold) to the arrival.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from claude_agent_sdk import ClaudeSDKClient

from tests.bench import sdk
from tests.bench.arrivals import Arrivals, recording
from tests.bench.figure import Figure, alternate
from tests.bench.hive import BenchHive, bench_hive

WARM_ROUNDS = 25
COLD_ROUNDS = 9
WARM_AGENT = "worker"
COLD_AGENT = "cold"


async def _ours(hive: BenchHive, arrivals: Arrivals, agent: str) -> float:
    turned = await hive.send(agent, sdk.PROMPT)
    return (arrivals.first_since(turned.began) - turned.began) * 1000


async def _ours_cold(hive: BenchHive, arrivals: Arrivals) -> float:
    await hive.runner_ended(COLD_AGENT)
    return await _ours(hive, arrivals, COLD_AGENT)


async def _bare(arrivals: Arrivals, turn: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await turn()
    return (arrivals.first_since(began) - began) * 1000


async def _warm(hive: BenchHive, arrivals: Arrivals, home: Path) -> list[Figure]:
    async with ClaudeSDKClient(sdk.options(home, arrivals.url)) as client:
        # The first turn of each connects to the API.
        await sdk.turn(client)
        await _ours(hive, arrivals, WARM_AGENT)
        bare, ours = await alternate(
            WARM_ROUNDS,
            [lambda: _bare(arrivals, lambda: sdk.turn(client)), lambda: _ours(hive, arrivals, WARM_AGENT)],
        )
    return [
        Figure("warm_send_to_request", ours, "ms", floor=bare),
        Figure("warm_send_to_request_over_sdk", ours - bare, "ms"),
    ]


async def _cold(hive: BenchHive, arrivals: Arrivals, home: Path) -> list[Figure]:
    await hive.spawn(COLD_AGENT)
    session = await sdk.connected_turn(home, arrivals.url)
    ours, connect, process = await alternate(
        COLD_ROUNDS,
        [
            lambda: _ours_cold(hive, arrivals),
            lambda: _bare(arrivals, lambda: sdk.connected_turn(home, arrivals.url, session)),
            lambda: _bare(arrivals, lambda: sdk.process(home, arrivals.url, session)),
        ],
    )
    return [
        Figure("cold_send_to_request", ours, "ms", floor=process),
        Figure("cold_send_to_request_beside_loaded_sdk", ours, "ms", floor=connect),
    ]


async def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        home = directory / "home"
        home.mkdir()
        async with recording(directory) as arrivals, bench_hive(directory, arrivals.url) as hive:
            return [*await _warm(hive, arrivals, home), *await _cold(hive, arrivals, home)]
