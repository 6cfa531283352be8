"""`python3 -I -m hive_web [CONFIG]`: the dashboard's process."""

import asyncio
import logging
import sys
from pathlib import Path

from aiohttp import web

from hive_base import log, service
from hive_base.clock import SystemClock
from hive_base.tasks import alongside
from hive_rpc.errors import HiveError
from hive_web.app import create_app
from hive_web.config import WebConfig, load
from hive_web.door import Door

SOCKET_MODE = 0o660
"""For a reverse proxy in our group."""


async def serve(config: WebConfig) -> None:
    stop = service.asked_to_stop()
    runner = Door(create_app(config), config)
    await runner.setup()
    try:
        if config.unix_socket is not None:
            await web.UnixSite(runner, config.unix_socket).start()
            config.unix_socket.chmod(SOCKET_MODE)
        else:
            await web.TCPSite(runner, config.host, config.port).start()
        logging.getLogger(__name__).info("Listening on %s", config.unix_socket or f"{config.host}:{config.port}")
        async with alongside(service.beat(SystemClock())):
            service.notify("READY=1")
            await stop.wait()
        service.notify("STOPPING=1")
    finally:
        await runner.cleanup()


def main() -> int:
    log.setup()
    try:
        config = load(Path(sys.argv[1])) if len(sys.argv) > 1 else load()
        asyncio.run(serve(config))
    except HiveError as error:
        sys.stderr.write(error.sentence() + "\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The dashboard cannot listen: {error.strerror}. Is its port or socket taken?\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
