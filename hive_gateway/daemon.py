"""The gateway, wired together: the one place that knows every part."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from hive_base import log as logs
from hive_base import service
from hive_base.clock import Clock, SystemClock
from hive_base.paths import RUN, RunPaths
from hive_base.tasks import alongside
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
        async with alongside(listeners.run(), line.run(), service.beat(clock)):
            yield
    finally:
        await listeners.close(settings.drain_seconds)
        await backend.close()


def _status(text: str) -> None:
    service.notify(f"STATUS={text}")


async def _serve(settings: config.GatewayConfig, key: SecretStr | None, run: RunPaths) -> None:
    asked_to_stop = service.asked_to_stop()
    clock = SystemClock()
    backend = backend_for(settings, key, clock)
    log.info("agents are answered by %s", backend.description)
    async with gateway(settings, backend, clock, run=run):
        service.notify("READY=1")
        await asked_to_stop.wait()
        service.notify("STOPPING=1", "STATUS=Waiting for the answers that are being given.")


def main(run: Path = RUN) -> None:
    logs.setup()
    try:
        settings, key = config.load(), config.api_key()
    except HiveError as error:
        sys.exit(error.sentence())
    asyncio.run(_serve(settings, key, RunPaths(run)))
