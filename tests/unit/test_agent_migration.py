"""The move out of an older layout: once, nothing lost, and no link of the model's followed."""

import errno
import logging
import os
import shutil
from pathlib import Path

import pytest

from hive_agent.harness.migration import migrate
from hive_agent.harness.older_layout import DONE, HARNESS_FILES, is_there
from hive_agent.harness.surroundings import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home("worker", *(tmp_path / name for name in ("state", "harness", "claude", "shared")))
    for directory in (home.state, home.harness):
        directory.mkdir()
    return home


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    return tmp_path / "bare"


def test_the_harness_s_files_leave_the_agent_s_directory_and_it_is_logged(
    home: Home, bare: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in HARNESS_FILES:
        (home.state / name).write_text(f"content of {name}")
    (home.state / "hyperhive-events.sqlite-wal").write_text("log")
    (home.state / "NOTES.md").write_text("mine")
    with caplog.at_level(logging.INFO):
        migrate(home, bare=bare)
    assert [path.name for path in home.state.iterdir()] == ["NOTES.md"]
    for name in HARNESS_FILES:
        assert (home.harness / name).read_text() == f"content of {name}"
        assert (home.harness / name).stat().st_mode & 0o777 == 0o600
        assert name in caplog.text
    assert (home.harness / "hyperhive-events.sqlite-wal").exists()


def test_it_happens_once(home: Home, bare: Path) -> None:
    assert not is_there(home, bare)
    (home.state / "hyperhive-model").write_text("opus")
    assert is_there(home, bare)
    migrate(home, bare=bare)
    (home.state / "hyperhive-model").write_text("what the agent calls so is its own")
    assert not is_there(home, bare)
    assert (home.harness / DONE).exists()


def test_a_bare_state_directory_becomes_the_agent_s_own(home: Home, bare: Path) -> None:
    (bare / "work" / "deep").mkdir(parents=True)
    (bare / "work" / "deep" / "file").write_text("old")
    (bare / "work" / "link").symlink_to("/etc/passwd")
    (bare / "NOTES.md").write_text("old notes")
    (bare / "hyperhive-model").write_text("opus")
    os.mkfifo(bare / "pipe")
    (home.state / "NOTES.md").write_text("newer notes")
    migrate(home, bare=bare)
    assert (home.state / "work" / "deep" / "file").read_text() == "old"
    assert (home.state / "work" / "link").is_symlink()
    assert (home.state / "NOTES.md").read_text() == "newer notes"
    assert (home.harness / "hyperhive-model").read_text() == "opus"
    assert sorted(path.name for path in bare.iterdir()) == ["NOTES.md", "pipe"]


def test_a_move_that_was_cut_off_goes_on_where_it_was(home: Home, bare: Path) -> None:
    (home.state / "hyperhive-model").write_text("opus")
    (home.harness / "hyperhive-model").write_text("opus")
    (home.harness / "hyperhive-events.sqlite.new").write_text("half")
    (home.state / "hyperhive-events.sqlite").write_text("whole")
    migrate(home, bare=bare)
    assert list(home.state.iterdir()) == []
    assert (home.harness / "hyperhive-events.sqlite").read_text() == "whole"


def test_a_directory_whose_copy_was_cut_off_is_copied_whole_at_the_next_start(
    home: Home, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "work").mkdir(parents=True)
    for name in ("one", "two", "three"):
        (bare / "work" / name).write_text(name)
    copy = shutil.copy2
    copied: list[str] = []

    def full(source: str, target: str, **how: bool) -> str:
        if copied:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copied.append(source)
        return copy(source, target, **how)

    with monkeypatch.context() as patch:
        # What copytree() takes for its files was bound when it was defined.
        patch.setattr(shutil.copytree, "__defaults__", (False, None, full, False, False))
        with pytest.raises(OSError, match="No space"):
            migrate(home, bare=bare)
    assert copied
    assert not (home.state / "work").exists()
    migrate(home, bare=bare)
    assert {path.name for path in (home.state / "work").iterdir()} == {"one", "two", "three"}
    assert [path.name for path in home.state.iterdir()] == ["work"]
    assert list(bare.iterdir()) == []


def test_a_link_where_the_copy_is_made_is_not_followed(home: Home, bare: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (home.state / ".moved-from-older-layout").symlink_to(outside)
    (bare / "work").mkdir(parents=True)
    (bare / "work" / "file").write_text("old")
    migrate(home, bare=bare)
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (home.state / "work" / "file").read_text() == "old"


def test_a_link_that_the_model_laid_is_not_followed(home: Home, bare: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (home.state / "hyperhive-model").symlink_to(secret)
    (home.state / "hyperhive-events.sqlite").mkdir()
    migrate(home, bare=bare)
    assert secret.read_text() == "secret"
    assert not (home.harness / "hyperhive-model").exists()
