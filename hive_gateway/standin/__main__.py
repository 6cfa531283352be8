"""`python3 -m hive_gateway.standin --port N`: the stand-in alone, on loopback, for tests and benches."""

import argparse
from pathlib import Path

from aiohttp import web

from hive_base import log
from hive_gateway.standin.app import StandIn, build
from hive_gateway.standin.recorder import File


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m hive_gateway.standin", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append a JSON line for each request's arrival")
    arguments = parser.parse_args()
    log.setup()
    stand_in = StandIn(recorder=File(arguments.record) if arguments.record else None)
    web.run_app(
        build(stand_in),
        host="127.0.0.1",
        port=arguments.port,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=1,
    )


if __name__ == "__main__":
    main()
