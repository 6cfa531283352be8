"""A Nix with a store of its own; stubs of nixpkgs and of Hive's module."""

from pathlib import Path

import pytest

from hive_core.meta.flake import Sources
from hive_core.meta.inside import nix

_NIXPKGS = (Path(__file__).parent / "nixos" / "flake.nix").read_text()
_TOPLEVEL = """\
# A machine is what its modules say in one line of shell.
{
  system,
  config,
  said,
}:
{
  name = "nixos-system-${config.services.hive-agent.name}";
  inherit system;
  builder = "/bin/sh";
  args = [
    "-c"
    "echo building; ${config.more or ""} mkdir $out && echo release %s >$out/said"
  ];
  PATH = "/usr/bin:/bin";
  said = builtins.toJSON said;
}
"""
HIVE = '{ inputs.nixpkgs.url = "path:/nowhere"; outputs = _: { nixosModules.agent = { }; }; }\n'
SETTINGS = "sandbox = false\nbuild-users-group =\nsubstituters =\n"


def stub_files(release: str = "one") -> dict[str, str]:
    """The stubs by their paths; another release is another content."""
    return {
        "nixpkgs/flake.nix": _NIXPKGS,
        "nixpkgs/toplevel.nix": _TOPLEVEL.replace("%s", release),
        "hive/flake.nix": HIVE,
    }


def stubs(root: Path, release: str = "one") -> Sources:
    """Write the stubs below `root`."""
    for name, text in stub_files(release).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Sources(nixpkgs=f"path:{root}/nixpkgs", hive=f"path:{root}/hive")


def private_store(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have errands use a store below `root`, without a daemon; where it is."""
    (root / "conf").mkdir(parents=True)
    (root / "conf" / "nix.conf").write_text(SETTINGS)
    # Whose the repositories are is hive-build, which a test is not.
    (root / "gitconfig").write_text("[safe]\n\tdirectory = *\n")
    monkeypatch.setitem(nix.ENVIRONMENT, "GIT_CONFIG_GLOBAL", str(root / "gitconfig"))
    own = {"STORE_DIR": "store", "STATE_DIR": "var", "LOG_DIR": "log", "CONF_DIR": "conf"}
    for name, where in own.items():
        monkeypatch.setitem(nix.ENVIRONMENT, f"NIX_{name}", str(root / where))
    return root / "store"
