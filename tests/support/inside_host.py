"""Run on a hive host, as core is: does with the meta flake what standard input says, and prints how each step ended."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from hive_base.clock import SystemClock
from hive_base.paths import StatePaths
from hive_core.build.transient import TransientUnits
from hive_core.configs.repositories import Repositories
from hive_core.meta import meta
from hive_core.meta.flake import Sources
from hive_rpc.errors import HiveError


async def step(name: str, sha: dict[str, str], flake: meta.Meta, repositories: Repositories, said: Any) -> Any:
    match name:
        case "limits":
            meta._EVALUATION_SECONDS, meta._MEMORY = said["seconds"], said["memory"]
        case "apply":
            sha["worker"] = await repositories.adopt("worker", said, author="ada", message="x")
        case "evaluate":
            await flake.evaluate("worker", said)
        case "pin":
            await flake.pin({"worker": sha["worker"]}, "x")
        case "inputs":
            return sorted(entry.name for entry in (await flake.inputs())[0])
        case "build":
            heard: list[str] = []
            system = await flake.build("worker", sha["worker"], heard=heard.append)
            return [str(system), heard]
    return "done"


async def main() -> None:
    state, units, clock = StatePaths(), TransientUnits(), SystemClock()
    state.applied.mkdir(exist_ok=True)
    where = Path("/etc/hive/flake")
    flake = meta.Meta(units, state, clock, Sources(nixpkgs=f"path:{where}/nixpkgs", hive=f"path:{where}/hive"))
    repositories, sha, answers = Repositories(units, state, clock), {}, []
    for name, said in json.load(sys.stdin):
        try:
            answers.append(await step(name, sha, flake, repositories, said))
        except HiveError as error:
            answers.append(f"{type(error).__name__}: {error.sentence()}")
    json.dump(answers, sys.stdout)


asyncio.run(main())
