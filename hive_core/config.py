"""`/etc/hive/core.toml`: what the NixOS module or `hive up` decided for this hive."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from hive_base.paths import ETC
from hive_core.agents.directories import SHARED_MIB
from hive_core.containers.models import ContainerKind
from hive_core.meta.flake import NIXPKGS
from hive_core.retention import RetentionPolicy
from hive_rpc import toml
from hive_rpc.types import Seconds


class RetentionConfig(BaseModel):
    """For how many days things are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: float = Field(default=30, gt=0, le=36500)
    """After the ack; what is not delivered is kept however old."""
    events: float = Field(default=14, gt=0, le=36500)
    turns: float = Field(default=90, gt=0, le=36500)
    dialogue: float = Field(default=180, gt=0, le=36500)
    """Questions, reminders, approvals and jobs, after they ended."""
    audit: float = Field(default=730, ge=366, le=36500)
    """What operators did; it cannot be less than a year."""

    def policy(self) -> RetentionPolicy:
        return RetentionPolicy(
            messages=timedelta(days=self.messages),
            events=timedelta(days=self.events),
            turns=timedelta(days=self.turns),
            dialogue=timedelta(days=self.dialogue),
            audit=timedelta(days=self.audit),
        )


class CoreConfig(BaseModel):
    """Every key is optional."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "hive"
    """What this hive is called on the dashboard."""
    dashboard: str | None = None
    """The dashboard's address, for sign-in links: `http://127.0.0.1:4483`."""
    lease_seconds: Seconds = 60
    """How long a message stays leased to a harness without a renewal."""
    max_attempts: int = Field(default=5, ge=1, le=1000)
    """Handed out so often without an ack, a message becomes a dead letter."""
    containers: ContainerKind = ContainerKind.STATELESS
    """What agents' containers are made of: `stateless` (the machine's own /usr) or `nixos` (built by Nix)."""
    nixpkgs: str = NIXPKGS
    """Where NixOS containers have their packages from when nothing is pinned yet, as a flake reference."""
    shared_mib: int = Field(default=SHARED_MIB, ge=128)
    """Disk for /shared, which all agents fill together; it grows when the machine boots, and does not shrink."""
    retention: RetentionConfig = RetentionConfig()


def load(path: Path = ETC / "core.toml") -> CoreConfig:
    """Read the file; a missing one is all defaults. Raises InvalidError naming the keys that are wrong."""
    return toml.load(path, CoreConfig)
