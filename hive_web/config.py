"""`/etc/hive/web.toml`: where the dashboard listens, and what it is called from outside."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from hive_base.paths import ETC, RunPaths
from hive_rpc import toml


class WebConfig(BaseModel):
    """Every key is optional; without any the dashboard is on http://127.0.0.1:4483."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=4483, ge=1, le=65535)
    unix_socket: Path | None = None
    """Listen here instead of on host and port, for a reverse proxy on the same machine."""
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """The names, without a port, by which a browser may ask for the dashboard."""
    secure: bool = False
    """Browsers reach it over TLS: cookies are `Secure`, origins `https`, and browsers are told to remember that."""
    request_seconds: float = Field(default=30, gt=0, le=600)
    """How long a request may take to come: its head, counted from the last answer, and then its body. Connections that
    are not used are closed after as long."""
    core_socket: Path = RunPaths().web_socket


def load(path: Path = ETC / "web.toml") -> WebConfig:
    """Read the file; a missing one is all defaults. Raises InvalidError naming the keys that are wrong."""
    return toml.load(path, WebConfig)
