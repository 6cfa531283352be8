"""The sandbox's stand-in: the program of an errand, but here and now. The walls around it have tests of their own."""

from dataclasses import dataclass, field

from hive_base.process import Completed
from hive_core.build.sandbox import Errand
from hive_core.configs.inside.__main__ import carried_out
from hive_core.meta.inside import __main__ as nix


@dataclass
class NoWalls:
    """Runs errands in this process, and remembers them. Nix has then the store that a test gives it."""

    ran: list[Errand] = field(default_factory=list)

    async def run(self, errand: Errand) -> Completed:
        self.ran.append(errand)
        words = [str(word) for word in errand.arguments]
        begin = words.index("-m") + 1
        if words[begin] == "hive_core.meta.inside":
            log: list[str] = []
            code, out = await nix.carried_out(words[begin + 1 :], errand.stdin, errand.heard or log.append)
            return Completed(words, code, out, "\n".join(log))
        code, out, err = await carried_out(words[begin + 1 :], errand.stdin)
        return Completed(words, code, out, err)
