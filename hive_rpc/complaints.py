"""What a server says of peers that misbehave: a line now and then, for whoever may connect could fill the log."""

import asyncio
import logging

log = logging.getLogger(__name__)

QUIET_SECONDS = 10.0
"""After a complaint; what comes meanwhile is counted, and told with the next."""


class Complaints:
    """Those of one server."""

    def __init__(self) -> None:
        self._quiet_until = 0.0
        self._unsaid = 0

    def tell(self, text: str) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} complaints before it were not logged)" if self._unsaid else ""
        log.warning("%s%s", text, more)
        self._quiet_until, self._unsaid = now + QUIET_SECONDS, 0
