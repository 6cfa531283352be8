"""The gateway, wired together: the one place that knows every part."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from systemd import daemon as systemd_daemon

from hive_base import log as logs
from hive_base.clock import Clock, SystemClock
from hive_base.paths import RUN, RunPaths
from hive_gateway import config
from hive_gateway.backend import Backend
from hive_gateway.control import CoreLine
from hive_gateway.listeners import Listeners
from hive_gateway.standin.app import StandIn
from hive_gateway.upstream import Upstream
from hive_rpc.errors import HiveError

log = logging.getLogger(__name__)


def backend_for(settings: config.GatewayConfig, key: SecretStr | None, clock: Clock) -> Backend:
    """The real API where there is a key, otherwise the stand-in."""
    return StandIn(clock) if key is None else Upstream(settings.upstream, key)


@asynccontextmanager
async def gateway(
    settings: config.GatewayConfig, backend: Backend, clock: Clock, *, run: RunPaths
) -> AsyncIterator[None]:
    """The gateway, running; leaving lets the answers that are being given end within the configured time."""
    listeners = Listeners(backend, clock, connections=settings.connections_per_agent)
    line = CoreLine(run.gateway_control_socket, backend, clock, agents=listeners.want, status=_status)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (listeners.run(), line.run(), _beat(clock))]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await listeners.close(settings.drain_seconds)
        await backend.close()


def _status(text: str) -> None:
    systemd_daemon.notify(f"STATUS={text}")


async def _beat(clock: Clock) -> None:
    """Feed systemd's watchdog, at half of its interval, from the loop that it watches."""
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000 / 2
    while interval:
        systemd_daemon.notify("WATCHDOG=1")
        await clock.sleep(interval)


async def _serve(settings: config.GatewayConfig, key: SecretStr | None, run: RunPaths) -> None:
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    clock = SystemClock()
    backend = backend_for(settings, key, clock)
    log.info("agents are answered by %s", backend.description)
    async with gateway(settings, backend, clock, run=run):
        systemd_daemon.notify("READY=1")
        await asked_to_stop.wait()
        systemd_daemon.notify("STOPPING=1\nSTATUS=Waiting for the answers that are being given.")


def main(run: Path = RUN) -> None:
    logs.setup()
    try:
        settings, key = config.load(), config.api_key()
    except HiveError as error:
        sys.exit(error.sentence())
    asyncio.run(_serve(settings, key, RunPaths(run)))
