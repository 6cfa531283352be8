"""The meta flake as Nix sees it: evaluated, locked, and made anew from the same agents. nixpkgs is a stub."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive_core.configs.inside import kept
from hive_core.meta import lock
from hive_core.meta.flake import PREFIX, Sources, render, url
from hive_rpc.errors import InvalidError

pytestmark = pytest.mark.skipif(shutil.which("nix") is None, reason="needs nix")

NIXPKGS = """\
{
  # Enough of nixpkgs for a configuration to be looked at.
  outputs = _: {
    lib.nixosSystem = { system, modules }: {
      inherit system;
      modules = map (m: if builtins.isAttrs m then m else import m { }) modules;
    };
  };
}
"""
HIVE = '{ outputs = _: { nixosModules.agent = { imports = [ "the hive\'s" ]; }; }; }\n'
WHO = {"GIT_AUTHOR_NAME": "h", "GIT_AUTHOR_EMAIL": "h@hive", "GIT_COMMITTER_NAME": "h", "GIT_COMMITTER_EMAIL": "h@hive"}


@dataclass
class Nix:
    """A store and everything else of one's own."""

    root: Path

    @property
    def meta(self) -> Path:
        return self.root / "meta"

    @property
    def applied(self) -> Path:
        return self.root / "applied"

    def __post_init__(self) -> None:
        for name in ("meta", "applied", "conf", "home", "nixpkgs", "hive"):
            (self.root / name).mkdir()
        (self.root / "conf" / "nix.conf").write_text(
            "experimental-features = nix-command flakes\nsandbox = false\nbuild-users-group =\nsubstituters =\n"
            "flake-registry =\nwarn-dirty = false\naccept-flake-config = false\nallow-import-from-derivation = false\n"
        )
        (self.root / "nixpkgs" / "flake.nix").write_text(NIXPKGS)
        (self.root / "hive" / "flake.nix").write_text(HIVE)

    @property
    def sources(self) -> Sources:
        return Sources(nixpkgs=f"path:{self.root}/nixpkgs", hive=f"path:{self.root}/hive")

    def agent(self, name: str, toml: str) -> str:
        """Apply a configuration; its commit."""
        work = self.root / f"work-{name}"
        fresh = not work.exists()
        work.mkdir(exist_ok=True)
        (work / "agent.toml").write_text(toml)
        (work / "agent.nix").write_text("{ ... }:\n{ }\n")
        if fresh:
            self.run("git", "init", "--quiet", "--initial-branch=main", at=work)
        self.run("git", "add", "--all", at=work)
        self.run("git", "commit", "--quiet", "--message=x", at=work)
        target = self.applied / name
        self.run("git", "clone", "--quiet", "--bare", work, target) if fresh else None
        sha = self.run("git", "rev-parse", "HEAD", at=work).strip()
        self.run("git", "push", "--quiet", target, f"main:{kept(sha)}", at=work)
        return sha

    def write(self, **pins: str) -> str:
        """Generate the flake, and lock it."""
        text = render(pins, self.applied, self.sources)
        (self.meta / "flake.nix").write_text(text)
        self.nix("flake", "lock", f"path:{self.meta}")
        return text

    def evaluated(self, attribute: str) -> object:
        return json.loads(self.nix("eval", "--json", "--no-update-lock-file", f"path:{self.meta}#{attribute}"))

    def lock(self) -> str:
        return (self.meta / "flake.lock").read_text()

    def nix(self, *words: str) -> str:
        return self.run("nix", *words)

    def run(self, *words: str | Path, at: Path | None = None) -> str:
        own = {
            "NIX_STORE_DIR": f"{self.root}/store",
            "NIX_STATE_DIR": f"{self.root}/var",
            "NIX_LOG_DIR": f"{self.root}/log",
            "NIX_CONF_DIR": f"{self.root}/conf",
            "NIX_USER_CONF_FILES": "/dev/null",
            "XDG_CACHE_HOME": f"{self.root}/cache",
            "HOME": f"{self.root}/home",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            words, env={"PATH": os.environ["PATH"], **own, **WHO}, cwd=at, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def nix(tmp_path: Path) -> Nix:
    return Nix(tmp_path)


def test_each_agent_is_a_machine_with_its_own_configuration(nix: Nix) -> None:
    worker = nix.agent("worker", 'model = "opus"\n')
    researcher = nix.agent("researcher-of-things", 'model = "haiku"\n')
    nix.write(**{"worker": worker, "researcher-of-things": researcher})
    assert nix.evaluated("nixosConfigurations.worker.modules") == [
        {"imports": ["the hive's"]},
        {},
        {"services": {"hive-agent": {"enable": True, "name": "worker", "settings": {"model": "opus"}}}},
    ]
    others = nix.evaluated('nixosConfigurations."researcher-of-things".modules')
    assert isinstance(others, list)
    assert others[2]["services"]["hive-agent"]["settings"] == {"model": "haiku"}


def test_the_lock_says_what_is_pinned_and_how_old_it_is(nix: Nix) -> None:
    first = nix.agent("worker", "")
    nix.write(worker=first)
    pinned = {entry.name: entry for entry in lock.inputs(nix.lock())}
    assert pinned.keys() == {"nixpkgs", "hive", f"{PREFIX}worker"}
    assert pinned[f"{PREFIX}worker"].revision == first
    assert pinned[f"{PREFIX}worker"].modified_at is not None
    assert pinned["nixpkgs"].url == nix.sources.nixpkgs


def test_what_is_applied_later_is_not_built_before_the_flake_says_so(nix: Nix) -> None:
    nix.write(worker=nix.agent("worker", 'model = "opus"\n'))
    later = nix.agent("worker", 'model = "haiku"\n')
    where = "nixosConfigurations.worker.modules"
    assert "opus" in json.dumps(nix.evaluated(where))
    nix.write(worker=later)
    assert "haiku" in json.dumps(nix.evaluated(where))
    assert later in nix.lock()


def test_the_same_agents_give_the_same_flake(nix: Nix) -> None:
    pins = {"worker": "1" * 40, "manager": "2" * 40, "a-b": "3" * 40}
    some = render(pins, nix.applied, nix.sources)
    assert some == render(dict(sorted(pins.items())), nix.applied, nix.sources)
    assert url(nix.applied, "worker", "1" * 40) in some


@pytest.mark.parametrize(
    ("name", "sha"), [("worker", "main"), ("a${x}", "1" * 40), ("A", "1" * 40), ("a--b", "1" * 40)]
)
def test_only_a_name_and_a_full_id_are_pasted_in(name: str, sha: str) -> None:
    with pytest.raises(ValueError, match="cannot be pinned"):
        render({name: sha}, Path("/x"), Sources())


def test_without_agents_there_is_a_flake_too(nix: Nix) -> None:
    nix.write()
    assert nix.evaluated("nixosConfigurations") == {}


def test_nothing_in_a_path_is_taken_for_nix() -> None:
    text = render({"worker": "1" * 40}, Path('/x/${builtins.abort "no"}"; evil = "'), Sources())
    done = subprocess.run(["nix-instantiate", "--parse", "-"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "evil =" not in done.stdout.replace('\\"; evil =', "")


@pytest.mark.parametrize("text", ["", "{}", '{"version": 4, "nodes": {}}', '{"version": 7, "nodes": {}, "root": "r"}'])
def test_what_is_no_lock_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InvalidError, match=r"flake\.lock"):
        lock.inputs(text)
