"""What `hive up` and its launcher say to each other: a request on standard input, a report on standard output."""

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer


class LaunchRequest(BaseModel):
    """Goes by a pipe and never by arguments or environment, because of the key."""

    model_config = ConfigDict(frozen=True)

    state: Path
    port: int
    model_base_url: str | None = None
    api_key: SecretStr | None = None

    @field_serializer("api_key", when_used="json")
    def _reveal(self, key: SecretStr | None) -> str | None:
        return key.get_secret_value() if key else None


class ReportKind(StrEnum):
    LOCKED = "locked"
    """Another process holds the lock: the hive runs already, or is being started or stopped."""
    READY = "ready"
    """The host has booted; from now on the launcher says nothing more here."""
    FAILED = "failed"
    """It did not boot, and everything that was started is stopped."""


class Report(BaseModel):
    model_config = ConfigDict(frozen=True)

    kind: ReportKind
    message: str = ""
    hint: str = ""
    log: tuple[str, ...] = ()
