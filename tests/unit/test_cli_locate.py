"""Which hive the command talks to."""

from pathlib import Path

from hive_cli.locate import operator_socket


def test_the_state_directory_that_is_named_wins(tmp_path: Path) -> None:
    (tmp_path / ".hive").mkdir()
    named = tmp_path / "other"
    assert operator_socket(named, cwd=tmp_path) == named / "run" / "operator.sock"


def test_the_nearest_state_directory_upward_is_next(tmp_path: Path) -> None:
    (tmp_path / ".hive").mkdir()
    (tmp_path / "a" / ".hive").mkdir(parents=True)
    below = tmp_path / "a" / "b"
    below.mkdir()
    assert operator_socket(None, cwd=below) == tmp_path / "a" / ".hive" / "run" / "operator.sock"


def test_then_the_checkout_that_the_environment_belongs_to(tmp_path: Path) -> None:
    (tmp_path / "checkout" / ".hive").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = operator_socket(None, cwd=elsewhere, prefix=tmp_path / "checkout" / ".venv")
    assert found == tmp_path / "checkout" / ".hive" / "run" / "operator.sock"


def test_and_at_last_the_hive_of_this_host(tmp_path: Path) -> None:
    assert operator_socket(None, cwd=tmp_path, prefix=tmp_path / ".venv") == Path("/run/hive/operator.sock")


def test_a_relative_state_directory_means_the_same_after_a_change_of_directory(tmp_path: Path) -> None:
    assert operator_socket(Path("state")).is_absolute()
