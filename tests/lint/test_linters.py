"""What tools can see without running the code. `make lint` runs the same."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "format", "--check", "."),
        ("ruff", "check", "."),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=" ".join,
)
def test_no_complaints(command: tuple[str, ...]) -> None:
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/*.nix")), ids=lambda p: str(p.relative_to(ROOT)))
def test_nix_files_parse(path: Path) -> None:
    done = subprocess.run(["nix-instantiate", "--parse", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
