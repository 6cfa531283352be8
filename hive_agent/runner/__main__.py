"""`python3 -I -m hive_agent.runner SOCKET`: started by the harness, which serves SOCKET."""

import asyncio
import logging
import sys
from pathlib import Path

from hive_agent.runner.runner import run
from hive_base import log
from hive_rpc.errors import HiveError

log.setup()
try:
    asyncio.run(run(Path(sys.argv[1])))
except HiveError as error:
    logging.getLogger("hive_agent.runner").error("Ending: %s", error.sentence())
    sys.exit(1)
