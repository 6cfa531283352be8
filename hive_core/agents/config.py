"""`agent.toml`: what an operator decides about an agent."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hive_rpc import toml
from hive_rpc.accounts import AccountName, Caps
from hive_rpc.egress import MOST_RULES, EgressRule
from hive_rpc.errors import TooLargeError
from hive_rpc.interfaces.agent import Settings

MAX_CONFIG = 64 * 1024
"""Bytes of UTF-8 in one `agent.toml`."""

DEFAULT_CONFIG = "# Nothing here: everything is as it is for every agent.\n"
"""The `agent.toml` of an agent that was spawned without one."""

_VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
_VariableValue = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=8192)]


_ModelPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*._:/@\[\]-]+$", max_length=200)]


class Capability(StrEnum):
    """What an agent may do besides an agent's own business."""

    MANAGER = "manager"


class Limits(BaseModel):
    """What the agent's container may use of the machine; systemd enforces it on the whole container."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_mib: int = Field(default=4096, ge=256)
    cpu_percent: int = Field(default=200, ge=5)
    """Of one processor: 200 is two of them."""
    tasks: int = Field(default=1024, ge=64)
    """Processes and threads."""


class AgentCaps(Caps):
    """What the agent may spend; the gateway enforces it on what passes through it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentConfig(BaseModel):
    """Every key is optional, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, min_length=1, max_length=200)
    """A model's name or alias; without it the CLI's default."""
    prompt: str = ""
    """Said to the model besides the hive's own prompt."""
    environment: dict[_VariableName, _VariableValue] = Field(default={}, max_length=100)
    """Of the model's tools."""
    capabilities: frozenset[Capability] = frozenset()
    writes_to: frozenset[str] | None = Field(default=None, max_length=1000)
    """Agents that it may write to, besides the manager and the operator; without it every agent."""
    keep_warm_seconds: float = Field(default=120, ge=0, allow_inf_nan=False)
    turn_limit_seconds: float = Field(default=3600, gt=0, allow_inf_nan=False)
    silence_limit_seconds: float = Field(default=600, gt=0, allow_inf_nan=False)
    drain_seconds: float = Field(default=30, ge=0, le=3600, allow_inf_nan=False)
    """How long a stop waits for the turn that runs."""
    limits: Limits = Limits()
    account: AccountName | None = None
    """What its requests are paid with; without it the account `default`."""
    models: tuple[_ModelPattern, ...] = Field(default=(), max_length=50)
    """The only models that it may ask for, by name or as a pattern with `*`; without it any."""
    caps: AgentCaps = AgentCaps()
    egress: tuple[EgressRule, ...] = Field(default=(), max_length=MOST_RULES)
    """What it may connect to besides the model: `github.com:443`, `*.pypi.org:443`; without it nothing."""

    def settings(self) -> Settings:
        """What of it the harness needs."""
        return Settings(
            model=self.model,
            system_prompt=self.prompt,
            environment=self.environment,
            keep_warm_seconds=self.keep_warm_seconds,
            turn_limit_seconds=self.turn_limit_seconds,
            silence_limit_seconds=self.silence_limit_seconds,
            egress=list(self.egress),
        )


def parse(text: str) -> AgentConfig:
    """Read an `agent.toml`. Raises InvalidError that names the key, or TooLargeError."""
    size = len(text.encode())
    if size > MAX_CONFIG:
        raise TooLargeError(
            f"agent.toml has {size} bytes, and {MAX_CONFIG} is the limit.",
            hint="Put long texts into files in the agent's state directory and name them in the prompt.",
            limit=MAX_CONFIG,
        )
    return toml.parse(text, AgentConfig, "agent.toml")
