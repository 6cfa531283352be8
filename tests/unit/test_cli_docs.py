"""The help in docs/cli.md is the program's own."""

from pathlib import Path

from hive_cli.docs import markdown
from hive_cli.main import cli

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_documented_help_is_what_the_program_says() -> None:
    assert DOCS.read_text() == markdown(), "docs/cli.md is stale: run `make docs`"


def test_every_command_has_help_and_its_options_do_too() -> None:
    text = markdown()
    for name in cli.list_commands(None):  # type: ignore[arg-type]
        assert f"### hive {name}" in text
