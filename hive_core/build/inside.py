"""What every program of the sandbox has to say in the end, on its standard output: an answer, or why there is none."""

import asyncio
import sys
from collections.abc import Awaitable

from hive_base.process import ProcessError

REFUSED = 3
"""The exit code where what was handed in is refused."""


class Refusal(Exception):  # noqa: N818 - it is the answer, not a failure
    """A reason to refuse what was handed in, for whoever handed it in."""


async def outcome(answer: Awaitable[bytes]) -> tuple[int, bytes]:
    """The exit code, and what goes to standard output."""
    try:
        return 0, await answer
    except Refusal as refusal:
        return REFUSED, _words(refusal)
    except ProcessError as error:
        return 1, _words(error)


def run(answer: Awaitable[bytes]) -> None:
    code, out = asyncio.run(outcome(answer))
    sys.stdout.buffer.write(out)
    sys.stdout.flush()
    sys.exit(code)


def _words(error: Exception) -> bytes:
    # A path in it may have any bytes.
    return str(error).encode(errors="backslashreplace")
