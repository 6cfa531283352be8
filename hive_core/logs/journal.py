"""An agent's log, as the host's journal has it."""

from collections.abc import AsyncIterator

from hive_rpc.interfaces.operator import LogLine


class Journal:
    """Reads the log of one `container@` unit."""

    async def tail(self, machine: str, lines: int) -> list[LogLine]:
        """The last lines, oldest first."""
        raise NotImplementedError

    def follow(self, machine: str, lines: int) -> AsyncIterator[LogLine]:
        """The last lines, and then what is written, until the iterator is closed."""
        raise NotImplementedError
