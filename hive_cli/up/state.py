"""The state directory of a hive that `hive up` runs: where everything of it is, on the machine around the hive host."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hive_base.paths import RunPaths


class HostRecord(BaseModel):
    """What a launcher writes down about the host that it runs, so that somebody else can clean up after it."""

    model_config = ConfigDict(frozen=True)

    machine: str
    launcher: int
    port: int
    cgroups: tuple[Path, ...]
    """The host's own cgroup in each hierarchy."""
    leader: int | None = None
    """The machine's pid of the host's PID 1, once there is one."""


@dataclass(frozen=True)
class State:
    """`root` is absolute, root's and 0700: what is below it holds set-uid files that containers made."""

    root: Path

    @property
    def machine(self) -> str:
        """The nspawn machine's name: one per state directory, so that two hives never meet."""
        return "hive-" + hashlib.sha256(bytes(self.root)).hexdigest()[:8]

    @property
    def scope(self) -> str:
        """The unit that holds the launcher and the host, on a machine whose PID 1 is systemd."""
        return f"{self.machine}.scope"

    @property
    def host(self) -> Path:
        """The root file system of the hive host."""
        return self.root / "host"

    @property
    def run(self) -> Path:
        """`/run/hive` on the hive host."""
        return self.root / "run"

    @property
    def operator_socket(self) -> Path:
        return RunPaths(self.run).operator_socket

    @property
    def lib(self) -> Path:
        """`/var/lib/hive` on the hive host."""
        return self.root / "lib"

    @property
    def containers(self) -> Path:
        """`/var/lib/nixos-containers` on the hive host."""
        return self.root / "containers"

    @property
    def secrets(self) -> Path:
        """`/var/lib/hive-secrets` on the hive host."""
        return self.root / "secrets"

    @property
    def journal(self) -> Path:
        """`/var/log/journal` on the hive host."""
        return self.root / "journal"

    @property
    def log(self) -> Path:
        """What the launcher, nspawn and the host's console say."""
        return self.root / "log" / "host.log"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def notify_socket(self) -> Path:
        """Not in the state directory: nspawn gets its path, of which a socket address holds 107 bytes (unix(7))."""
        return Path("/run") / f"{self.machine}.notify"

    @property
    def founded(self) -> Path:
        """Exists once the first agents have been made; from then on which agents there are is the operator's."""
        return self.root / "founded"

    @property
    def record(self) -> Path:
        return self.root / "host.json"

    def read_record(self) -> HostRecord | None:
        """None when there is none, or when it was cut off by a crash."""
        try:
            return HostRecord.model_validate_json(self.record.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def log_tail(self, lines: int = 20) -> list[str]:
        try:
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []

    def write_record(self, record: HostRecord) -> None:
        new = self.record.with_suffix(".new")
        new.write_text(record.model_dump_json())
        new.replace(self.record)


def default_state(prefix: Path = Path(sys.prefix)) -> Path:
    """`.hive` in the checkout, which is the directory that holds the virtual environment."""
    return prefix.parent / ".hive"
