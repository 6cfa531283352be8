"""`/etc/hive/gateway.toml`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from hive_base.paths import ETC
from hive_gateway.accounts.models import ANTHROPIC, BaseUrl
from hive_rpc import toml
from hive_rpc.types import Seconds


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UpstreamConfig(_Section):
    """The way to the API."""

    base_url: BaseUrl = ANTHROPIC
    """Of accounts that name none."""
    connect_seconds: Seconds = 10
    silence_seconds: Seconds = 900
    """How long the API may say nothing before the request is given up; the CLI itself gives up after 300 s."""


class EgressConfig(_Section):
    """The way out for everything but the model."""

    connections_per_agent: int = Field(default=64, ge=1)
    bytes_per_day: int = Field(default=50 * 1024**3, ge=0)
    """Of each agent, both ways together, on a day in UTC."""
    connect_seconds: Seconds = 10
    silence_seconds: Seconds = 1800
    """A connection on which nothing moves for so long is cut off."""
    proxy_resolves: bool = False
    """The site's proxy is given names and looks them up itself, for sites where only it can. What a name may lead to is
    then for that proxy to decide; otherwise it is given the address that the gateway has found and looked at."""


class GatewayConfig(_Section):
    """Every key is optional."""

    upstream: UpstreamConfig = UpstreamConfig()
    egress: EgressConfig = EgressConfig()
    drain_seconds: Seconds = 5
    """How long a stop waits for the answers that are being given; less than the unit's TimeoutStopSec."""
    connections_per_agent: int = Field(default=64, ge=1)
    """At once; further ones are closed, so that one agent cannot use up the gateway's file descriptors."""


def load(path: Path = ETC / "gateway.toml") -> GatewayConfig:
    """Read the file; a missing one is all defaults. Raises InvalidError naming the keys that are wrong."""
    return toml.load(path, GatewayConfig)
