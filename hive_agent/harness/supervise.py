"""Parts of the harness that must not end: what fails is logged and started again."""

import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from hive_agent.harness.backoff import Backoff
from hive_base.clock import Clock
from hive_rpc.errors import HiveError, InstanceReplacedError

log = logging.getLogger(__name__)

FIRST_DELAY = 0.2
MOST_DELAY = 30.0
HEALTHY_SECONDS = 60.0
"""A part that ran for so long begins its back-off anew."""


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    clock: Clock,
    on_failure: Callable[[str], None] | None = None,
) -> NoReturn:
    """Run a part for ever.

    `on_failure` is told, in a sentence, each time that it failed. The one thing that ends it is InstanceReplacedError:
    another harness has taken over this agent, and two must not go on.
    """
    backoff = Backoff(clock, first=FIRST_DELAY, most=MOST_DELAY)
    while True:
        began = clock.monotonic()
        try:
            await run()
            sentence = f"The {name} ended."
        except InstanceReplacedError:
            raise
        except Exception as error:
            log.exception("The %s failed and is started again", name)
            detail = error.sentence() if isinstance(error, HiveError) else f"{type(error).__name__}: {error}"
            sentence = f"The {name} failed: {detail}"
        if on_failure is not None:
            on_failure(sentence)
        if clock.monotonic() - began > HEALTHY_SECONDS:
            backoff.reset()
        await backoff.wait()
