"""The sandbox's stand-in: the program of an errand, but here and now. The walls around it have tests of their own."""

from dataclasses import dataclass, field

from hive_base.process import Completed
from hive_core.build.sandbox import Errand
from hive_core.configs.inside.__main__ import carried_out


@dataclass
class NoWalls:
    """Runs errands in this process, and remembers them."""

    ran: list[Errand] = field(default_factory=list)

    async def run(self, errand: Errand) -> Completed:
        self.ran.append(errand)
        words = [str(word) for word in errand.arguments]
        begin = words.index("hive_core.configs.inside") + 1
        code, out, err = await carried_out(words[begin:], errand.stdin)
        return Completed(words, code, out, err)
