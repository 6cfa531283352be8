"""Where a harness lives: sockets, directories, and how the model is shut in. Given to it, so that tests give others."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hive_agent import prompts
from hive_agent.harness.cgroups import Cgroup
from hive_agent.harness.way_out import PROXY_PORT
from hive_base.paths import CREDENTIALS, ContainerPaths, credential
from hive_base.process import SAFE_PATH
from hive_base.users import MODEL
from hive_rpc.interfaces.agent import Settings
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, PLACEHOLDER_TOKEN
from hive_rpc.interfaces.runner import LaunchInstruction

log = logging.getLogger(__name__)

FORWARD_PORT = 7332

QUIET = {
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}
"""There is nobody out there for the CLI to call but the model's API."""
PACE = {
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "DISABLE_AUTO_COMPACT": "1",
}
"""Long waits are the harness's, which can say so; so is compacting, which the session policy decides; and a turn that
ends leaves nothing behind that wakes the CLI."""

_PROXIES = {
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), f"http://127.0.0.1:{PROXY_PORT}"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost,::1"),
}
"""Set also where nothing is allowed: a proxy's refusal says how to ask, a missing route does not."""
_CREDENTIALS = frozenset({"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"})
"""Only one of them is set, by us: with two the CLI would choose."""


@dataclass(frozen=True)
class Home:
    """The agent's own places and name."""

    name: str
    state: Path
    """The agent's notes, and where its CLI works."""
    harness: Path
    """The harness's own, closed to the model."""
    claude: Path
    """CLAUDE_CONFIG_DIR."""
    shared: Path

    @classmethod
    def in_container(cls, name: str) -> "Home":
        paths = ContainerPaths(name)
        return cls(name, state=paths.state, harness=paths.harness, claude=paths.claude, shared=paths.shared)


@dataclass(frozen=True)
class Surroundings:
    """Everything that is there before core has said who the agent is."""

    core_socket: Path
    gateway_socket: Path
    runner_socket: Path
    home: Callable[[str], Home] = Home.in_container
    egress_socket: Path | None = None
    """None is no way out but to the model."""
    hosts: Path = Path("/etc/hosts")
    credentials: Path = CREDENTIALS
    """Where the values of secrets are, by `credential`."""
    forward_port: int = FORWARD_PORT
    """0 is any free one."""
    runner_command: tuple[str, ...] = (sys.executable, "-I", "-m", "hive_agent.runner")
    """The runner's program; the socket is added."""
    model_uid: int | None = None
    """None leaves the model this process's user."""
    model_cgroup: Cgroup | None = None
    cli: str | None = None
    """None is the CLI that comes with the SDK."""

    @classmethod
    def in_container(cls, model_cgroup: Cgroup) -> "Surroundings":
        paths = ContainerPaths("")
        return cls(
            core_socket=paths.core_socket,
            gateway_socket=paths.gateway_socket,
            egress_socket=paths.egress_socket,
            runner_socket=paths.runner_socket,
            model_uid=MODEL.uid,
            model_cgroup=model_cgroup,
        )

    def launch(
        self, home: Home, settings: Settings, *, session: str, resume: bool, forward_port: int
    ) -> LaunchInstruction:
        """How the CLI is started for this agent."""
        return LaunchInstruction(
            session=session,
            resume=resume,
            model=settings.model,
            effort=settings.effort,
            system_prompt=prompts.system(
                name=home.name, state=home.state, shared=home.shared, configured=settings.system_prompt
            ),
            directory=str(home.state),
            environment=self._secrets(settings)
            | _environment(home, settings, forward_port, proxied=self.egress_socket is not None),
            uid=self.model_uid,
            cgroup=str(self.model_cgroup.path) if self.model_cgroup else None,
            cli=self.cli,
            manager=settings.manager,
            mcp_servers=settings.mcp_servers,
            ask=settings.ask,
        )

    def _secrets(self, settings: Settings) -> dict[str, str]:
        """Their values, as the container was handed them when it was started."""
        found = {}
        for variable, name in settings.secrets.items():
            try:
                # A last newline is the editor's.
                value = (self.credentials / credential(name)).read_text().removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                log.error("The secret %s cannot be read: %s", name, error)
                continue
            if "\0" not in value:
                found[variable] = value
        return found


def _environment(home: Home, settings: Settings, forward_port: int, *, proxied: bool) -> dict[str, str]:
    """The CLI's whole environment: nothing of the harness's own, and what matters cannot be configured away."""
    return {
        "PATH": SAFE_PATH,
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        **PACE,
        **(_PROXIES if proxied else {}),
        **{name: value for name, value in settings.environment.items() if name not in _CREDENTIALS},
        **QUIET,
        "HOME": str(home.state),
        "USER": MODEL.name,
        "LOGNAME": MODEL.name,
        "CLAUDE_CONFIG_DIR": str(home.claude),
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{forward_port}",
        **_placeholder(settings),
    }


def _placeholder(settings: Settings) -> dict[str, str]:
    """What stands for the account's credential. Of a subscription the CLI tells when a limit ends."""
    if settings.subscription:
        return {"CLAUDE_CODE_OAUTH_TOKEN": PLACEHOLDER_TOKEN}
    return {"ANTHROPIC_API_KEY": PLACEHOLDER_API_KEY}
