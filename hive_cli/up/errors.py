"""What ends `hive up` or `hive down` early."""

from collections.abc import Sequence


class CannotError(Exception):
    """Something stands in the way: what it is, what to do about it, and the log lines that show it."""

    def __init__(self, message: str, *, hint: str = "", log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log = tuple(log)

    def sentence(self) -> str:
        return f"{self.message} {self.hint}".strip()


class TookTooLongError(CannotError):
    """What was waited for did not come."""
