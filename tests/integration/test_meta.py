"""The meta flake on the disk: what it pins, what is built from it, and what is refused. Nix is real, nixpkgs a stub."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive_base.paths import StatePaths
from hive_core.configs.repositories import Repositories
from hive_core.meta.meta import Meta
from hive_rpc.errors import AgentFailedError, ConflictError, InvalidError
from tests.support.manual_clock import ManualClock
from tests.support.nix_store import private_store, stubs
from tests.support.sandboxes import NoWalls

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners"),
    pytest.mark.skipif(shutil.which("nix") is None, reason="needs nix"),
]
SILENT = [].append  # type: ignore[var-annotated]


@dataclass
class World:
    root: Path
    meta: Meta
    repositories: Repositories

    async def applied(self, name: str, toml: str = "", nix: str = "{ ... }: { }\n") -> str:
        return await self.repositories.adopt(name, files(toml, nix), author="ada", message="x")

    async def pinned(self) -> dict[str, str | None]:
        return {entry.name: entry.revision for entry in (await self.meta.inputs())[0]}


def files(toml: str = "", nix: str = "{ ... }: { }\n") -> dict[str, str]:
    return {"agent.toml": toml, "agent.nix": nix}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    store = private_store(tmp_path / "nix", monkeypatch)
    clock, state, sandbox = ManualClock(), StatePaths(tmp_path / "lib"), NoWalls()
    (tmp_path / "lib" / "applied").mkdir(parents=True)
    meta = Meta(sandbox, state, clock, stubs(tmp_path / "stubs"), store=store)
    return World(tmp_path, meta, Repositories(sandbox, state, clock))


async def test_what_is_pinned_is_committed_and_what_was_pinned_can_be_pinned_again(world: World) -> None:
    first, other = await world.applied("worker", 'model = "opus"\n'), await world.applied("helper")
    await world.meta.pin({"worker": first, "helper": other}, "both")
    lock = await world.meta.lock()
    assert (await world.pinned())["agent-worker"] == first
    second = await world.applied("worker", 'model = "haiku"\n')
    assert await world.meta.lock() == lock, "that it is applied pins nothing"
    await world.meta.pin({"worker": second}, "another")
    assert (await world.pinned())["agent-worker"] == second
    await world.meta.pin({"worker": first}, "back")
    assert await world.meta.lock() == lock, "to the letter"
    await world.meta.pin({"helper": None}, "gone")
    assert (await world.pinned()).keys() == {"nixpkgs", "hive", "agent-worker"}


async def test_a_system_is_built_from_the_commit_and_kept(world: World) -> None:
    sha = await world.applied("worker", 'model = "opus"\n', '{ ... }: { more = "echo 6 >&2;"; }\n')
    heard: list[str] = []
    system = await world.meta.build("worker", sha, heard=heard.append)
    assert (system / "said").read_text() == "release one\n"
    assert any("building" in line for line in heard), "the log is told as it comes"
    link = world.root / "lib" / "builds" / "agent-worker"
    assert link.resolve() == system
    assert await world.meta.build("worker", sha, heard=SILENT) == system


@pytest.mark.parametrize(
    ("nix", "why"),
    [
        ("{ ... }: { more = 1 + ; }", "syntax error"),
        ("{ ... }: { more = missing; }", "undefined variable 'missing'"),
        ('{ ... }: { more = builtins.readFile "/etc/shadow"; }', "forbidden in pure eval"),
        ("{ ... }: { more = builtins.readFile /etc/shadow; }", "forbidden in pure eval"),
        ('{ ... }: { more = builtins.readFile (builtins.fetchurl "http://127.0.0.1:1/x"); }', "sha256"),
        ('{ ... }: { more = (builtins.getFlake "git+file:///etc").x; }', "unlocked"),
        ('{ ... }: { more = builtins.exec [ "id" ]; }', "exec"),
        ("{ ... }: { more = let f = x: f (x + 1) + 1; in toString (f 1); }", "stack overflow"),
        ("{ ... }: { more = let x = x; in x; }", "infinite recursion"),
        ('{ ... }: { more = throw "two of them"; }', "two of them"),
        (
            '{ ... }: { more = builtins.readFile (derivation { name = "x"; system = "x86_64-linux"; '
            'builder = "/bin/sh"; args = [ "-c" "echo >$out" ]; }); }',
            r"x\.drv is read, and would have to be made",
        ),
        ('{ ... }: { more = builtins.readFile (builtins.toFile "x" "y"); }', "x is read, and would have to be made"),
    ],
)
async def test_what_cannot_be_evaluated_is_refused_in_nix_s_own_words(world: World, nix: str, why: str) -> None:
    await world.meta.evaluate("worker", files())
    with pytest.raises(InvalidError, match=why) as refused:
        await world.meta.evaluate("worker", files(nix=nix))
    said = refused.value.message
    assert said.startswith("The configuration of worker does not evaluate:")
    assert "-source/" not in said, "where our copies lie is of no use to anybody"
    assert "show-trace" not in said


async def test_what_is_not_approved_leaves_nothing_in_the_store(world: World) -> None:
    """But its two files. What it would make is there once it is built."""
    fill = 'builtins.toFile "of-the-expression" "1" + builtins.path { path = ./agent.nix; name = "of-a-path"; }'
    nix = f'{{ ... }}: {{ more = builtins.seq ({fill}) ""; }}\n'

    def filled() -> set[str]:
        return {path.name.split("-", 1)[1] for path in (world.root / "nix" / "store").glob("*-*")} - {"source"}

    await world.meta.inputs()
    before = filled()
    await world.meta.evaluate("worker", files(nix=nix))
    assert filled() == before
    await world.meta.build("worker", await world.applied("worker", nix=nix), heard=SILENT)
    assert filled() - before >= {"of-the-expression", "of-a-path", "nixos-system-worker.drv"}, "control"


async def test_nothing_on_the_machine_has_a_say(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    look = '{ ... }: { more = assert builtins.getEnv "SECRET" == "" && builtins.getEnv "HOME" == ""; ""; }'
    await world.meta.evaluate("worker", files(nix=look))


async def test_a_build_that_fails_is_told_with_its_last_words(world: World) -> None:
    sha = await world.applied("worker", nix='{ ... }: { more = "echo no such thing >&2; exit 1;"; }\n')
    heard: list[str] = []
    with pytest.raises(AgentFailedError, match="worker cannot be built"):
        await world.meta.build("worker", sha, heard=heard.append)
    assert any("no such thing" in line for line in heard)


async def test_inputs_are_updated_as_they_were_proposed_or_not_at_all(world: World) -> None:
    sha = await world.applied("worker")
    await world.meta.pin({"worker": sha}, "x")
    before = await world.meta.lock()
    with pytest.raises(ConflictError, match="Nothing is new in nixpkgs"):
        await world.meta.propose(["nixpkgs"])
    with pytest.raises(InvalidError, match="agent-worker"):
        await world.meta.propose(["agent-worker"])
    stubs(world.root / "stubs", "two")
    proposed = await world.meta.propose([])
    (change,) = proposed.changes
    assert (change.name, change.old) == ("nixpkgs", (await world.pinned())["nixpkgs"])
    assert await world.meta.lock() == before, "proposing changes nothing"
    system = await world.meta.build("worker", sha, heard=SILENT, lock=proposed.lock)
    assert (system / "said").read_text() == "release two\n"
    later = await world.applied("worker", 'model = "opus"\n')
    await world.meta.pin({"worker": later}, "meanwhile")
    await world.meta.adopt(proposed.lock, "newer")
    now = await world.pinned()
    assert (now["nixpkgs"], now["agent-worker"]) == (change.new, later)
    await world.meta.adopt(before, "back")
    now = await world.pinned()
    assert (now["nixpkgs"], now["agent-worker"]) == (change.old, later)


@pytest.mark.parametrize("path", ["/etc", "relative", "{store}", "{store}/../etc", "{store}/.links", "{store}/x/y", ""])
async def test_only_a_directory_of_the_store_is_a_system(world: World, path: str) -> None:
    with pytest.raises(AgentFailedError, match="What was built"):
        world.meta._checked(path.format(store=world.meta._store))
