"""Where things are. One place, so that the units, core, the gateway and the harness cannot disagree."""

from dataclasses import dataclass
from pathlib import Path

PREFIX = Path("/opt/hive")
"""Hive's Python environment, on the hive host and in every container."""
RUN = Path("/run/hive")
LIB = Path("/var/lib/hive")
GATEWAY_LIB = Path("/var/lib/hive-gateway")
"""The gateway's own: accounts with their secrets, and what was spent."""
SECRETS = Path("/var/lib/hive-secrets")
"""The values of secrets, by name: files of root's alone, which only what starts the containers opens."""
CREDENTIALS = Path("/run/host/credentials")
"""In a container: what was handed to it when it was started (systemd-nspawn(1), --load-credential=)."""
ETC = Path("/etc/hive")


def credential(secret: str) -> str:
    """What a secret is called on its way."""
    return f"hive.{secret}"


@dataclass(frozen=True)
class RunPaths:
    """Sockets, as seen from where `root` is: `/run/hive` on the hive host, `.hive/run` from the machine around it."""

    root: Path = RUN

    @property
    def operator_socket(self) -> Path:
        return self.root / "operator.sock"

    @property
    def web_socket(self) -> Path:
        return self.root / "web.sock"

    @property
    def gateway_control_socket(self) -> Path:
        """Core's socket for the gateway."""
        return self.root / "gateway.sock"

    @property
    def agents(self) -> Path:
        return self.root / "agents"

    def core_directory(self, agent: str) -> Path:
        """Bound into the container as `/run/hive/core`."""
        return self.agents / agent / "core"

    def core_socket(self, agent: str) -> Path:
        return self.core_directory(agent) / "core.sock"

    def gateway_directory(self, agent: str) -> Path:
        """Made by core, owned by the gateway, bound into the container as `/run/hive/gateway`."""
        return self.agents / agent / "gateway"

    def gateway_socket(self, agent: str) -> Path:
        return self.gateway_directory(agent) / "gateway.sock"


@dataclass(frozen=True)
class StatePaths:
    """What is kept, below `/var/lib/hive` (root, 0700, mounted nosuid and nodev)."""

    root: Path = LIB

    @property
    def core_database(self) -> Path:
        return self.root / "core" / "core.sqlite"

    @property
    def events_database(self) -> Path:
        return self.root / "core" / "events.sqlite"

    @property
    def shared(self) -> Path:
        return self.root / "shared"

    def shared_corner(self, agent: str) -> Path:
        return self.shared / agent

    @property
    def proposed(self) -> Path:
        """Configurations as the managers edit them: a git repository with a worktree for each agent."""
        return self.root / "proposed"

    @property
    def applied(self) -> Path:
        """Configurations that were asked for and approved: a bare git repository for each agent."""
        return self.root / "applied"

    def applied_of(self, agent: str) -> Path:
        return self.applied / agent

    @property
    def meta(self) -> Path:
        """The flake that pins every agent: a bare git repository."""
        return self.root / "meta"

    @property
    def builds(self) -> Path:
        """Links to what was built and fetched, which keep it from Nix's collector."""
        return self.root / "builds"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def shared_image(self) -> Path:
        """The file system at `shared`."""
        return self.images / "shared.img"

    @property
    def proposed_image(self) -> Path:
        """The file system at `proposed`."""
        return self.images / "proposed.img"

    def image(self, agent: str) -> Path:
        """The file system at `agent(agent)`."""
        return self.images / f"agent-{agent}.img"

    def agent(self, agent: str) -> Path:
        return self.root / "agents" / agent

    def container_root(self, agent: str) -> Path:
        """Of a stateless container."""
        return self.agent(agent) / "root"

    def state(self, agent: str) -> Path:
        """The agent's own notes."""
        return self.agent(agent) / "state"

    def harness(self, agent: str) -> Path:
        """The harness's own files, closed to the model's user."""
        return self.agent(agent) / "harness"

    def claude(self, agent: str) -> Path:
        """CLAUDE_CONFIG_DIR: transcripts, no credentials."""
        return self.agent(agent) / "claude"


@dataclass(frozen=True)
class ContainerPaths:
    """What an agent's container sees; the agent's own directories have the same path as in the design on the host."""

    agent: str
    core_socket: Path = RUN / "core" / "core.sock"
    gateway_socket: Path = RUN / "gateway" / "gateway.sock"
    egress_socket: Path = RUN / "gateway" / "egress.sock"
    runner_directory: Path = Path("/run/hive-agent")
    shared: Path = Path("/shared")
    proposed: Path = Path("/proposed")
    """A manager's."""
    applied: Path = Path("/applied")
    """A manager's, to read."""

    @property
    def home(self) -> Path:
        return Path("/agents") / self.agent

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def harness(self) -> Path:
        return self.home / "harness"

    @property
    def claude(self) -> Path:
        return self.home / "claude"

    @property
    def runner_socket(self) -> Path:
        return self.runner_directory / "harness.sock"
