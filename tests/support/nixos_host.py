"""A hive host that is like NixOS as far as the hive can see: `nixos-container`, its unit, a Nix daemon, and a nixpkgs.

The program, the unit and nixpkgs are stand-ins (tests/support/nixos); nix, systemd-nspawn and all of the hive are real.
"""

import shutil
from pathlib import Path

from hive_core.containers.stateless import skeleton
from tests.support.hive_host import Host
from tests.support.nix_store import HIVE, SETTINGS

PARTS = Path(__file__).parent / "nixos"
SYSTEM = Path("/run/current-system")
"""Where NixOS has what belongs to the machine's own system; core looks for programs in `sw/bin` there."""
PROGRAM = SYSTEM / "sw/bin/nixos-container"
START = SYSTEM / "container-start"
_UNIT = "container@.service"
_FLAKE = Path("/etc/hive/flake")
_AGENT = "placeholder"
"""In the files that every system begins as."""
_NIX = SETTINGS + "experimental-features = nix-command flakes\n"
_CORE = f'containers = "nixos"\nnixpkgs = "path:{_FLAKE}/nixpkgs"\n'


def install(host: Host, path: Path, text: str, *, mode: str = "0644") -> None:
    host.run("install", "-D", f"--mode={mode}", "/dev/stdin", path, stdin=text)


def make_nixos(host: Host) -> None:
    """Change a host into one like NixOS, and have core run NixOS containers from now on."""
    install(host, PROGRAM, (PARTS / PROGRAM.name).read_text(), mode="0755")
    install(host, START, (PARTS / START.name).read_text(), mode="0755")
    install(host, Path("/etc/systemd/system") / _UNIT, (PARTS / _UNIT).read_text())
    install(host, Path("/etc/nix/nix.conf"), _NIX)
    install(host, _FLAKE / "flake.nix", HIVE)
    _nixpkgs(host)
    host.run("mkdir", "-p", "/nix/store", "/run/lock")
    daemon = ("systemd-run", "--quiet", "--unit=nix-daemon", "--service-type=exec", "--setenv=HOME=/root")
    host.run(*daemon, "nix-daemon", "--daemon")
    host.run("sh", "-c", "until test -S /nix/var/nix/daemon-socket/socket; do :; done")
    install(host, Path("/etc/hive/core.toml"), host.run("cat", "/etc/hive/core.toml").stdout + _CORE)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "restart", "hive-core.service")


def _nixpkgs(host: Host) -> None:
    """What a system of it begins as is the skeleton of a stateless container."""
    place = host.state.host / _FLAKE.relative_to("/") / "nixpkgs"
    skeleton(_AGENT).build(place)
    (place / "etc/machine-id").unlink()
    for entry in place.iterdir():
        if entry.is_symlink():
            entry.unlink()
        elif entry.name != "etc":
            shutil.rmtree(entry)
    for name in ("flake.nix", "toplevel.nix", "init", "activate", "switch-to-configuration"):
        shutil.copy(PARTS / name, place)
