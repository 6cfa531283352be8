"""A harness as in a container, but for the walls: a process with its runner and CLI, everything in a directory."""

import os
import sys
from pathlib import Path

from hive_agent.harness import diet

diet.begin()

import asyncio  # noqa: E402 the diet comes first

from hive_agent.harness.daemon import main  # noqa: E402
from hive_agent.harness.surroundings import Home, Surroundings  # noqa: E402
from hive_base.clock import SystemClock  # noqa: E402

MODEL_UID = 65534 if os.getuid() == 0 else None
"""The CLI refuses to let root use all tools."""


def surroundings(directory: Path) -> Surroundings:
    home = Home("worker", *(directory / name for name in ("state", "harness", "claude", "shared")))
    for path in (home.state, home.harness, home.claude, home.shared):
        path.mkdir(exist_ok=True)
        if MODEL_UID is not None and path != home.harness:
            os.chown(path, MODEL_UID, MODEL_UID)
    return Surroundings(
        core_socket=directory / "core.sock",
        gateway_socket=directory / "gateway.sock",
        runner_socket=directory / "runner.sock",
        home=lambda name: home,
        forward_port=0,
        runner_command=(sys.executable, "-m", "hive_agent.runner"),
        model_uid=MODEL_UID,
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main(surroundings(Path(sys.argv[1])), SystemClock())))
