"""What the hive host is made of: its root, its units and configuration, and the nspawn that boots it."""

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from hive_base.paths import ETC, LIB, PREFIX, RUN, SECRETS
from hive_base.skeleton import Account, File, Skeleton
from hive_base.users import BUILD, GATEWAY, MODEL, OPERATORS_GROUP, WEB
from hive_cli.up.errors import CannotError
from hive_cli.up.state import State

NSPAWN = "/usr/bin/systemd-nspawn"
API_KEY_CREDENTIAL = "anthropic-api-key"
LIB_SOURCE = Path("/hive-state/lib")
"""Where the state lies on the host before `var-lib-hive.mount` binds it to its place; nspawn cannot say nosuid."""
CONTAINERS = Path("/var/lib/nixos-containers")

_SYSTEM = (Path("/usr"), Path("/etc/ssl"), Path("/etc/alternatives"))
"""Of the machine: its programs, the certificates they expect, and the links that Debian's `/usr/bin` leads through."""
WANTS = ("var-lib-hive.mount", "hive-core.service", "hive-web.service", "hive-gateway.service", "hive-login.socket")
_LOOPS = "hive-loops.service"
_LOOPS_TEXT = """\
[Unit]
Description=Device nodes for agents' file systems
# nspawn makes none; the numbers are the kernel's (Documentation/admin-guide/devices.txt).
DefaultDependencies=no
Before=hive-core.service

[Service]
Type=oneshot
ExecStart=/opt/hive/bin/python3 -IS -c "{code}"
"""
_LOOPS_CODE = (
    "import os; os.mknod('/dev/loop-control', 0o020600, os.makedev(10, 237)); "
    "[os.mknod('/dev/loop%%d' %% n, 0o060600, os.makedev(7, n)) for n in range(1024)]"
)
_JOURNAL = """\
[Journal]
# It has what agents' containers write to their consoles: not more of the machine's disk than this, and no long lines,
# because their number is what is limited (LogRateLimitBurst= of container@.service).
SystemMaxUse=1G
LineMax=8K
"""


@dataclass(frozen=True)
class HostConfig:
    """What a start decides. The API key is not part of it: it never lies on the disk."""

    port: int
    model_base_url: str | None = None

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def container_unit() -> str:
    """Core's template for agents' containers: found without importing the package, which is another process's."""
    spec = importlib.util.find_spec("hive_core")
    if spec is None or not spec.submodule_search_locations:
        raise CannotError("hive_core is not installed beside hive_cli.", hint="Run `make .venv` again.")
    return Path(spec.submodule_search_locations[0], "containers", "units", "container@.service").read_text()


def skeleton(config: HostConfig) -> Skeleton:
    own_units = files("hive_cli.up") / "units"
    units = {unit.name: unit.read_text() for unit in own_units.iterdir() if unit.name.partition(".")[2]}
    return Skeleton(
        hostname="hive",
        accounts=[Account(user) for user in (WEB, GATEWAY, BUILD, MODEL)],
        groups=[OPERATORS_GROUP],
        units={**units, "container@.service": container_unit(), _LOOPS: _LOOPS_TEXT.format(code=_LOOPS_CODE)},
        wants=(*WANTS, _LOOPS),
        files={
            "etc/systemd/journald.conf.d/hive.conf": File(_JOURNAL),
            **{str((ETC / name).relative_to("/")): File(text) for name, text in _configuration(config).items()},
        },
        directories=[str(path.relative_to("/")) for path in (PREFIX, LIB, LIB_SOURCE, CONTAINERS, SECRETS)]
        + ["etc/nixos-containers"],
    )


def _configuration(config: HostConfig) -> dict[str, str]:
    # TOML's basic strings are JSON's.
    quoted = json.dumps
    gateway = f"[upstream]\nbase_url = {quoted(config.model_base_url)}\n" if config.model_base_url else ""
    return {
        "core.toml": f"dashboard = {quoted(config.dashboard)}\n",
        "web.toml": f'host = "127.0.0.1"\nport = {config.port}\nallowed_hosts = ["127.0.0.1", "localhost"]\n',
        "gateway.toml": gateway,
    }


def make_directories(state: State) -> None:
    """The directories that are bound into the host: root's alone, but for `run`, which its daemons walk through."""
    for path in (state.root, state.lib, state.containers, state.journal, state.secrets):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    state.run.mkdir(exist_ok=True)
    state.run.chmod(0o755)


def nspawn_arguments(state: State, *, api_key_fd: int | None, prefix: Path = Path(sys.prefix)) -> Sequence[str]:
    """The command that boots the host, for a machine with and without systemd as PID 1."""
    return (
        NSPAWN,
        *("--quiet", "--console=pipe", "--notify-ready=yes", "--boot"),
        # Neither machined nor systemd of the machine is asked for anything: it may have none.
        *("--register=no", "--keep-unit"),
        f"--machine={state.machine}",
        f"--directory={state.host}",
        *(_bind(source, read_only=True) for source in _SYSTEM if source.is_dir()),
        _bind(prefix, PREFIX, read_only=True),
        _bind(state.run, RUN),
        _bind(state.lib, LIB_SOURCE),
        _bind(state.containers, CONTAINERS),
        _bind(state.secrets, SECRETS, read_only=True),
        _bind(state.journal, Path("/var/log/journal")),
        *([] if api_key_fd is None else [f"--load-credential={API_KEY_CREDENTIAL}:/proc/self/fd/{api_key_fd}"]),
    )


def _bind(source: Path, target: Path | None = None, *, read_only: bool = False) -> str:
    option = "--bind-ro" if read_only else "--bind"
    return f"{option}={_escaped(source)}:{_escaped(target or source)}"


def _escaped(path: Path) -> str:
    """nspawn splits at colons and takes backslashes as escapes."""
    return str(path).replace("\\", "\\\\").replace(":", "\\:")
