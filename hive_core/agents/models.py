"""What the hive knows of an agent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from hive_core.agents.config import AgentConfig
from hive_rpc.types import AgentState, ContainerState


class Desired(StrEnum):
    """What the operator wants of an agent; core brings it about again after a restart."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Agent:
    """An agent as it is now: its row, and the state of its container."""

    name: str
    machine: str
    """The name of its container, 11 characters at most."""
    config_text: str
    """Its `agent.toml` as the operator wrote it."""
    config: AgentConfig
    desired: Desired
    created_at: datetime
    state: AgentState
    since: datetime
    reason: str | None = None
    until: datetime | None = None
    instance: str | None = None
    """The harness instance that said hello last."""
    sha: str | None = None
    """The commit in `applied` that its configuration is from."""
    system: Path | None = None
    """The NixOS system in the store that its container boots; None where containers are stateless."""
    container: ContainerState = ContainerState.STOPPED
    model: str | None = None
    """The model that the last turn really used; None while no harness has said."""
