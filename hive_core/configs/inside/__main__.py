"""The program that runs in the sandbox."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hive_core.build import inside
from hive_core.build.inside import Refusal
from hive_core.configs.inside import applied, packing


async def answer(words: Sequence[str], stdin: bytes) -> bytes:
    """The result of one verb."""
    match words:
        case ["pack", repository, sha]:
            return await packing.pack(Path(repository), sha)
        case ["receive", repository, sha]:
            return applied.dumped(await applied.receive(Path(repository), sha, stdin))
        case ["read", repository, sha]:
            return applied.dumped(await applied.read(Path(repository), sha))
        case ["show", repository, sha, path]:
            return await applied.show(Path(repository), sha, path)
        case ["commit", repository]:
            return (await applied.commit(Path(repository), json.loads(stdin))).encode()
        case ["adopt", repository]:
            return (await applied.adopt(Path(repository), json.loads(stdin))).encode()
        case ["head", repository]:
            return (await applied.head(Path(repository))).encode()
        case ["move", repository, sha]:
            await applied.move(Path(repository), sha)
            return b""
        case ["mark", repository, tag, sha]:
            await applied.mark(Path(repository), tag, sha, json.loads(stdin))
            return b""
        case ["diff", repository, old, new]:
            return (await applied.diff(Path(repository), old, new)).encode()
        case ["log", repository]:
            return applied.dumped(await applied.log(Path(repository)))
        case _:
            raise Refusal(f"There is no such errand: {words}.")


if __name__ == "__main__":
    inside.run(answer(sys.argv[1:], sys.stdin.buffer.read()))
