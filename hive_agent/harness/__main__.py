"""`python3 -I -m hive_agent.harness`: the service `hive-agent` in an agent's container, as its root."""

import sys

from hive_agent.harness import diet

diet.begin()

import asyncio  # noqa: E402 the diet comes first

from hive_agent.harness import cgroups  # noqa: E402
from hive_agent.harness.daemon import main  # noqa: E402
from hive_agent.harness.surroundings import Surroundings  # noqa: E402
from hive_base import log  # noqa: E402
from hive_base.clock import SystemClock  # noqa: E402

log.setup()
sys.exit(asyncio.run(main(Surroundings.in_container(cgroups.prepare()), SystemClock())))
