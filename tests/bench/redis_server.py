"""Debian's redis-server with streams that are on the disk when the reply comes, and its own benchmark."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.sends_clients import PADDING


@asynccontextmanager
async def redis_server(directory: Path) -> AsyncIterator[Path]:
    """Its socket."""
    socket = directory / "redis.sock"
    options = {"port": "0", "unixsocket": str(socket), "dir": str(directory), "save": ""}
    options |= {"appendonly": "yes", "appendfsync": "always"}
    process = await asyncio.create_subprocess_exec(
        *("redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            if b"Ready to accept connections" in line or b"ready to accept connections" in line:
                break
        else:
            raise RuntimeError("redis-server did not start")
        yield socket
    finally:
        process.terminate()
        await process.communicate()


async def redis_benchmark(socket: Path, clients: int, requests: int) -> float:
    """XADD per second, as `redis-benchmark` counts: a client in C, which leaves out what Python costs."""
    words = ["-s", str(socket), "-c", str(clients), "-n", str(requests), "--csv", "XADD", "bench", "*", "body", PADDING]
    process = await asyncio.create_subprocess_exec("redis-benchmark", *words, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    last = output.decode().strip().splitlines()[-1]
    return float(last.split('","')[1])
