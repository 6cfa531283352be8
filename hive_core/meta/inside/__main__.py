"""The program that runs in the sandbox."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hive_base.process import ProcessError
from hive_core.configs.inside import REFUSED
from hive_core.configs.inside.refusal import Refusal
from hive_core.meta.inside import flakes
from hive_core.meta.inside.nix import Heard


async def answer(words: Sequence[str], order: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """The result of one verb."""
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


async def carried_out(words: Sequence[str], stdin: bytes, heard: Heard) -> tuple[int, bytes]:
    """The exit code, and what goes to standard output."""
    try:
        return 0, json.dumps(await answer(words, json.loads(stdin), heard)).encode()
    except Refusal as refusal:
        return REFUSED, str(refusal).encode()
    except ProcessError as error:
        return 1, str(error).encode()


def main() -> None:
    code, out = asyncio.run(carried_out(sys.argv[1:], sys.stdin.buffer.read(), _print))
    sys.stdout.buffer.write(out)
    sys.stdout.flush()
    sys.exit(code)


def _print(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
