"""A manager's proposal: a commit on top of what is applied."""

import os
import subprocess
from pathlib import Path

import pytest

from hive_agent import proposing
from hive_agent.proposing import Refusal, commit


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """`proposed/worker` and `applied/worker`; git has its identity from a file, as in a container."""
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\nname = manager\nemail = manager@hive\n[init]\ndefaultBranch = main\n[safe]\ndirectory = *\n"
    )
    monkeypatch.setattr(
        proposing, "run", lambda words, stdin: _run(words, stdin=stdin, environment={"GIT_CONFIG_GLOBAL": str(config)})
    )
    return tmp_path / "proposed", tmp_path / "applied"


_run = proposing.run


def git(repository: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        ["git", *words], cwd=repository, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


async def test_a_new_agent_s_repository_is_made(places: tuple[Path, Path]) -> None:
    sha = await commit(*places, {"agent.toml": "a", "notes/why.md": "b"}, "hello\n\nworld")
    assert git(places[0], "ls-tree", "-r", "--name-only", sha).splitlines() == ["agent.toml", "notes/why.md"]
    assert git(places[0], "log", "--format=%an %s") == "manager hello"


async def test_it_begins_with_what_runs_now(places: tuple[Path, Path]) -> None:
    applied = await commit(places[1], Path("/nowhere"), {"agent.toml": "runs", "agent.nix": "{}"}, "applied")
    await commit(*places, {"agent.toml": "first"}, "first")
    second = await commit(*places, {"agent.toml": "second"}, "second")
    assert git(places[0], "rev-parse", f"{second}^") == applied
    assert git(places[0], "show", f"{second}:agent.nix") == "{}"


async def test_what_the_model_edits_by_hand_is_not_thrown_away(places: tuple[Path, Path]) -> None:
    await commit(places[1], Path("/nowhere"), {"agent.toml": "runs"}, "applied")
    await commit(*places, {"agent.toml": "first"}, "first")
    (places[0] / "agent.toml").write_text("by hand")
    with pytest.raises(Refusal, match="not committed"):
        await commit(*places, {"agent.toml": "second"}, "second")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", ".git/config", "a/b/c/d/e/f", ""])
async def test_a_path_that_leads_elsewhere_is_refused(path: str, places: tuple[Path, Path]) -> None:
    with pytest.raises(Refusal, match="no path"):
        await commit(*places, {path: "x"}, "x")
