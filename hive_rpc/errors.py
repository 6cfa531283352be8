"""The one family of errors. Each has a Varlink name, an HTTP status, and a docstring that is its default message.

On the wire an error is `org.hive.<Name>` (the systemd convention of an interface that holds errors only, as
`io.systemd` does) with parameters `message`, `hint`, `retry_after` (seconds) and `limit`.
"""

from typing import ClassVar

ERROR_INTERFACE = "org.hive"


class HiveError(Exception):
    """Something went wrong inside the hive."""

    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str = "",
        retry_after: float | None = None,
        limit: int | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        self.retry_after = retry_after
        self.limit = limit
        super().__init__(self.message)

    @classmethod
    def varlink_name(cls) -> str:
        """The name on the wire; a subclass that is defined elsewhere travels as the nearest class of this module."""
        known = next(base for base in cls.__mro__ if base.__module__ == __name__)
        name = "Internal" if known is HiveError else known.__name__.removesuffix("Error")
        return f"{ERROR_INTERFACE}.{name}"

    def sentence(self) -> str:
        """What happened and what to do, as one line for a person or a model."""
        return f"{self.message} {self.hint}".strip()


class InvalidError(HiveError):
    """That is not a valid request."""

    http_status = 400

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str = "",
        hint: str = "",
        retry_after: float | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint, retry_after=retry_after, limit=limit)
        self.field = field
        """The field of the request that it is about, as a dotted path; sent as Varlink's `InvalidParameter`."""


class NotSignedInError(HiveError):
    """Nobody is signed in on this session."""

    http_status = 401


class ForbiddenError(HiveError):
    """That needs a role or a capability that the caller does not have."""

    http_status = 403


class NotFoundError(HiveError):
    """There is no such thing."""

    http_status = 404


class UnknownRecipientError(NotFoundError):
    """There is no agent of that name."""


class ConflictError(HiveError):
    """That cannot be done in the present state."""

    http_status = 409


class InstanceReplacedError(ConflictError):
    """A newer harness instance has taken over this agent."""


class AgentFailedError(HiveError):
    """The agent did not come up."""

    http_status = 502


class TooLargeError(HiveError):
    """That is over a limit."""

    http_status = 413


class RateLimitedError(HiveError):
    """Too many requests."""

    http_status = 429


class InboxFullError(RateLimitedError):
    """Too many messages of this sender wait unread for the recipient."""


class TimedOutError(HiveError):
    """It did not happen within the given time."""

    http_status = 504


class UnavailableError(HiveError):
    """A part of the hive is not reachable."""

    http_status = 503


class StorageError(HiveError):
    """The hive's disk or database refused a write."""

    http_status = 507


def family() -> dict[str, type[HiveError]]:
    """Every error class that both ends know, by its Varlink name."""
    found: dict[str, type[HiveError]] = {}
    todo: list[type[HiveError]] = [HiveError]
    while todo:
        cls = todo.pop()
        if cls.__module__ == __name__:
            found[cls.varlink_name()] = cls
        todo += cls.__subclasses__()
    return found
