"""The program that runs in the sandbox."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hive_core.build import inside
from hive_core.build.inside import Refusal
from hive_core.meta.inside import flakes
from hive_core.meta.inside.nix import Heard


async def answer(words: Sequence[str], stdin: bytes, heard: Heard) -> bytes:
    """The result of one verb."""
    return json.dumps(await _carried_out(words, json.loads(stdin), heard)).encode()


async def _carried_out(words: Sequence[str], order: dict[str, Any], heard: Heard) -> dict[str, Any]:
    match words:
        case ["read", repository]:
            return await flakes.read(Path(repository))
        case ["commit", repository]:
            return await flakes.commit(Path(repository), order)
        case ["lock"]:
            return await flakes.lock(order, heard)
        case ["keep", roots]:
            return await flakes.keep(Path(roots), order, heard)
        case ["evaluate"]:
            return await flakes.evaluate(order, heard)
        case ["build", link]:
            return await flakes.build(Path(link), order, heard)
        case _:
            raise Refusal(f"There is no such errand: {words}.")


def _print(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    inside.run(answer(sys.argv[1:], sys.stdin.buffer.read(), _print))
