"""The stand-in of the sandbox: errands as plain processes of this checkout. The walls have tests of their own."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from hive_base.process import Completed, run
from hive_core.build.sandbox import Errand

ROOT = Path(__file__).parents[2]


@dataclass
class PlainProcesses:
    """Runs errands where it stands, and remembers them."""

    ran: list[Errand] = field(default_factory=list)

    async def run(self, errand: Errand) -> Completed:
        self.ran.append(errand)
        words = [word for word in errand.arguments if word != "-I"]
        assert words[0] == sys.executable
        return await run(
            words,
            stdin=errand.stdin,
            directory=ROOT,
            time_limit=errand.time_limit,
            output_limit=errand.output_limit,
            check=False,
        )
