"""A Nix with a store of its own; stubs of nixpkgs and of Hive's module."""

from pathlib import Path

import pytest

from hive_core.meta.flake import Sources
from hive_core.meta.inside import nix

NIXPKGS = """\
{
  outputs = _: {
    # Enough of nixpkgs to build a configuration. A machine is what its modules say in one line of shell.
    lib.nixosSystem =
      { system, modules }:
      let
        lib.mkForce = value: value;
        open =
          m:
          if builtins.isAttrs m then
            m
          else if builtins.isFunction m then
            m {
              inherit config lib;
              pkgs = { };
            }
          else
            open (import m);
        said = map open modules;
        all = builtins.foldl' (a: b: a // b) { } said;
        script = "echo building; ${all.more or ""} mkdir $out && echo release %s >$out/said";
        config = all // {
          system.build.toplevel = derivation {
            name = "nixos-system-${all.services.hive-agent.name}";
            inherit system;
            builder = "/bin/sh";
            args = [
              "-c"
              script
            ];
            PATH = "/usr/bin:/bin";
            said = builtins.toJSON said;
          };
        };
      in
      {
        inherit config;
      };
  };
}
"""
HIVE = '{ inputs.nixpkgs.url = "path:/nowhere"; outputs = _: { nixosModules.agent = { }; }; }\n'
SETTINGS = "sandbox = false\nbuild-users-group =\nsubstituters =\n"


def stubs(root: Path, release: str = "one") -> Sources:
    """Write the stubs below `root`; another release is another content."""
    for name, text in (("nixpkgs", NIXPKGS.replace("%s", release)), ("hive", HIVE)):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "flake.nix").write_text(text)
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
