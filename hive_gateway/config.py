"""`/etc/hive/gateway.toml`, and the key that systemd hands over."""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from yarl import URL

from hive_base.paths import ETC
from hive_rpc.errors import InvalidError
from hive_rpc.types import Seconds

KEY_CREDENTIAL = "anthropic-api-key"
"""The name of the systemd credential (`LoadCredential=` in the unit)."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UpstreamConfig(_Section):
    """The API that a key is for."""

    base_url: str = "https://api.anthropic.com"
    connect_seconds: Seconds = 10
    silence_seconds: Seconds = 900
    """How long the API may say nothing before the request is given up; the CLI itself gives up after 300 s."""

    @field_validator("base_url")
    @classmethod
    def _may_see_the_key(cls, value: str) -> str:
        url = URL(value)
        if url.user or url.password or url.query_string or url.fragment or not url.host:
            raise ValueError("give an address like https://api.anthropic.com, without a user, a query or a fragment")
        if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
            raise ValueError("only https keeps the key secret on its way; http is for 127.0.0.1 and ::1 alone")
        return value


class GatewayConfig(_Section):
    """Every key is optional."""

    upstream: UpstreamConfig = UpstreamConfig()
    drain_seconds: Seconds = 5
    """How long a stop waits for the answers that are being given; less than the unit's TimeoutStopSec."""
    connections_per_agent: int = Field(default=64, ge=1)
    """At once; further ones are closed, so that one agent cannot use up the gateway's file descriptors."""


def load(path: Path = ETC / "gateway.toml") -> GatewayConfig:
    """Read the file; a missing one is all defaults. Raises InvalidError naming the key that is wrong."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return GatewayConfig()
    try:
        return GatewayConfig.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{path}: {key}: {first['msg']}.") from error


def api_key(environment: Mapping[str, str] = os.environ) -> SecretStr | None:
    """The API key from systemd's credentials directory (systemd.exec(5)); None when there is none or it is empty.

    Raises InvalidError, without the value, when the file holds something that cannot be a key.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        return None
    try:
        key = (Path(directory) / KEY_CREDENTIAL).read_bytes().strip()
    except FileNotFoundError:
        return None
    if any(byte <= 32 or byte >= 127 for byte in key):
        raise InvalidError(
            f"The credential {KEY_CREDENTIAL} is not an API key: it has characters that no key has.",
            hint="Put the key alone into its file.",
        )
    return SecretStr(key.decode("ascii")) if key else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
