"""Whether a container has a user namespace of its own, by the word of the kernel (user_namespaces(7)).

Without one, root inside is root outside. The conf asks for it; who starts containers may not know the word, as NixOS
before 25.05, and would not say so.
"""

import asyncio
from pathlib import Path

FIRST_ID = 65536
"""Below are the machine's own users. What nspawn picks begins at 524288."""


async def is_mapped(leader: int, proc: Path = Path("/proc")) -> bool:
    """Whether none of the ids in the namespace of this process are the machine's. False when it is gone."""
    return await asyncio.to_thread(_is_mapped, proc / str(leader))


def _is_mapped(process: Path) -> bool:
    try:
        maps = [(process / name).read_text() for name in ("uid_map", "gid_map")]
    except OSError:
        return False
    return all(_leaves_the_machine_s_alone(text) for text in maps)


def _leaves_the_machine_s_alone(text: str) -> bool:
    """Of lines `first-inside first-outside count`."""
    firsts = [int(line.split()[1]) for line in text.splitlines()]
    return bool(firsts) and all(first >= FIRST_ID for first in firsts)
