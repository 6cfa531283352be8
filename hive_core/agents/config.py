"""`agent.toml`: what an operator decides about an agent."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from hive_core.agents.secrets import secrets_in
from hive_rpc import toml
from hive_rpc.accounts import AccountName, Caps
from hive_rpc.commands import Effort
from hive_rpc.egress import MOST_RULES, EgressRule
from hive_rpc.errors import InvalidError, TooLargeError
from hive_rpc.interfaces.agent import McpServer, Settings

MAX_CONFIG = 64 * 1024
"""Bytes of UTF-8 in one `agent.toml`."""

DEFAULT_CONFIG = "# Nothing here: everything is as it is for every agent.\n"
"""The `agent.toml` of an agent that was spawned without one."""

_VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
_VariableValue = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=8192)]


_SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
_ToolRule = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_*-]*(\([^()\x00-\x1f]+\))?$", max_length=200)
]
_ModelPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*._:/@\[\]-]+$", max_length=200)]


_Path = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=500)]
_TAKEN = (
    *("/agents", "/shared", "/proposed", "/applied", "/opt/hive", "/hive-state", "/var/lib/hive", "/run", "/etc"),
    *("/usr", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/sys", "/dev", "/nix", "/var/lib/nixos-containers"),
)
_Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.+-]*$", max_length=200)]


class Capability(StrEnum):
    """What an agent may do besides an agent's own business."""

    MANAGER = "manager"


class Limits(BaseModel):
    """What the agent's container may use of the machine; systemd enforces it on the whole container."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    memory_mib: int = Field(default=4096, ge=256)
    """Memory; what needs more is killed."""
    cpu_percent: int = Field(default=200, ge=5)
    """Of one processor: 200 is two of them."""
    tasks: int = Field(default=1024, ge=64)
    """Processes and threads."""
    disk_mib: int = Field(default=10240, ge=128, le=16 * 1024 * 1024)
    """Disk, of all that it can write but its corner of /shared; it grows at the next boot, and does not shrink."""


class AgentCaps(Caps):
    """What the agent may spend; the gateway enforces it on what passes through it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Mount(BaseModel):
    """A directory of the machine in the agent's container."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    source: _Path
    """On the hive host."""
    target: _Path
    """In the container; not where the hive has something of its own."""
    writable: bool = False
    """Otherwise the agent can only read it."""

    @field_validator("source", "target")
    @classmethod
    def _leaves_the_hive_alone(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if ".." in parts or any(PurePosixPath(path).is_relative_to(taken) for taken in _TAKEN) or len(parts) == 1:
            raise ValueError(f"{path} is not for mounts: the hive or the system has it")
        return path


class Mcp(BaseModel):
    """A program that gives the model further tools."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
    """Its tools are called `mcp__<name>__…`; `hive` is the hive's own."""
    command: str = Field(min_length=1, max_length=500)
    """The program, in the container; the model's user runs it."""
    arguments: tuple[str, ...] = Field(default=(), max_length=100)
    """Its arguments."""
    environment: dict[_VariableName, _VariableValue] = Field(default={}, max_length=100)
    """Its environment, besides the model's."""

    @field_validator("name")
    @classmethod
    def _is_not_the_hive_s(cls, name: str) -> str:
        if name == "hive":
            raise ValueError("that name is the hive's own")
        return name


class Tools(BaseModel):
    """What the model may not do by itself. It is a question, no wall: the container is the wall."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ask: tuple[_ToolRule, ...] = Field(default=(), max_length=100)
    """Tools of which an operator is asked each time: `WebFetch`, `Bash(git push *)`, `mcp__calc__half`."""
    ask_seconds: float = Field(default=3600, ge=10, le=30 * 86400, allow_inf_nan=False)
    """How long such a question waits; no answer is a no. The turn waits, and its limits do not run meanwhile."""


class AgentConfig(BaseModel):
    """Every key is optional, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str | None = Field(default=None, min_length=1, max_length=200)
    """A model's name or alias; without it the CLI's default."""
    effort: Effort | None = None
    """How hard the model thinks; without it the model's default."""
    prompt: str = ""
    """Said to the model besides the hive's own prompt."""
    environment: dict[_VariableName, _VariableValue] = Field(default={}, max_length=100)
    """Of the model's tools."""
    capabilities: frozenset[Capability] = frozenset()
    """What it may do besides an agent's own business; a `manager` proposes changes to the hive."""
    writes_to: frozenset[str] | None = Field(default=None, max_length=1000)
    """Agents that it may write to, besides the manager and the operator; without it every agent."""
    keep_warm_seconds: float = Field(default=120, ge=0, allow_inf_nan=False)
    """How long its CLI is kept ready after a turn."""
    turn_limit_seconds: float = Field(default=3600, gt=0, allow_inf_nan=False)
    """How long a turn may take."""
    silence_limit_seconds: float = Field(default=600, gt=0, allow_inf_nan=False)
    """A turn in which nothing happens for so long is interrupted."""
    drain_seconds: float = Field(default=30, ge=0, le=3600, allow_inf_nan=False)
    """How long a stop waits for the turn that runs."""
    limits: Limits = Limits()
    """What its container may use of the machine."""
    account: AccountName | None = None
    """What its requests are paid with; without it the account `default`."""
    models: tuple[_ModelPattern, ...] = Field(default=(), max_length=50)
    """The only models that it may ask for, by name or as a pattern with `*`; without it any."""
    caps: AgentCaps = AgentCaps()
    """What it may spend at most: in one turn, one hour and one day of the clock (UTC), in dollars and in tokens."""
    egress: tuple[EgressRule, ...] = Field(default=(), max_length=MOST_RULES)
    """What it may connect to besides the model: `github.com:443`, `*.pypi.org:443`; without it nothing."""

    mcp_servers: tuple[Mcp, ...] = Field(default=(), max_length=20)
    """Programs that give the model further tools (Model Context Protocol over standard streams)."""
    tools: Tools = Tools()
    """What the model may not do by itself."""
    secrets: dict[_VariableName, _SecretName] = Field(default={}, max_length=100)
    """Variables of the model's tools whose values are secrets: `GITHUB_TOKEN = "github"` is what the file
    `/var/lib/hive-secrets/github` on the machine holds."""
    mounts: tuple[Mount, ...] = Field(default=(), max_length=50)
    """Directories of the machine that the agent gets to see."""
    packages: tuple[_Package, ...] = Field(default=(), max_length=200)
    """Of nixpkgs, by attribute name, as `ripgrep`. Only in containers of the kind `nixos`."""
    nix: bool = False
    """It may use the machine's nix daemon, a way out to the network. Only in containers of the kind `nixos`."""

    @field_validator("mcp_servers")
    @classmethod
    def _one_of_a_name(cls, servers: tuple[Mcp, ...]) -> tuple[Mcp, ...]:
        if len({server.name for server in servers}) != len(servers):
            raise ValueError("two of them have the same name")
        return servers

    @field_validator("mounts")
    @classmethod
    def _one_at_a_place(cls, mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
        if len({mount.target for mount in mounts}) != len(mounts):
            raise ValueError("two of them have the same target")
        return mounts

    def settings(self) -> Settings:
        """What of it the harness needs."""
        return Settings(
            model=self.model,
            effort=self.effort,
            manager=Capability.MANAGER in self.capabilities,
            system_prompt=self.prompt,
            environment=self.environment,
            mcp_servers=[McpServer.model_validate(server.model_dump()) for server in self.mcp_servers],
            keep_warm_seconds=self.keep_warm_seconds,
            turn_limit_seconds=self.turn_limit_seconds,
            silence_limit_seconds=self.silence_limit_seconds,
            egress=list(self.egress),
            ask=list(self.tools.ask),
            ask_seconds=self.tools.ask_seconds,
            secrets=self.secrets,
        )


def parse(text: str) -> AgentConfig:
    """Read an `agent.toml`. Raises InvalidError that names the key, or TooLargeError.

    Secrets are named, never written: a value that looks like one is refused.
    """
    size = len(text.encode())
    if size > MAX_CONFIG:
        raise TooLargeError(
            f"agent.toml has {size} bytes, and {MAX_CONFIG} is the limit.",
            hint="Put long texts into files in the agent's state directory and name them in the prompt.",
            limit=MAX_CONFIG,
        )
    config = toml.parse(text, AgentConfig, "agent.toml")
    for key, what in secrets_in(config.model_dump(mode="json")):
        raise InvalidError(
            f"agent.toml: {key} looks like {what}, and a configuration is no place for one.",
            hint="Whoever has seen it can use it: revoke it. Keys for models belong into `hive account add`.",
        )
    return config
