"""Which hive is meant: where its operator socket is."""

import sys
from collections.abc import Iterator
from pathlib import Path

from hive_base.paths import RunPaths


def _state_directories(cwd: Path, prefix: Path) -> Iterator[Path]:
    for directory in (cwd, *cwd.parents):
        yield directory / ".hive"
    # `.venv/bin/hive` called from anywhere else: the checkout that the environment belongs to.
    yield prefix.parent / ".hive"


def operator_socket(state: Path | None, *, cwd: Path | None = None, prefix: Path = Path(sys.prefix)) -> Path:
    """The socket of the hive in `state`; else of the nearest `.hive` upward; else of the one installed on this host."""
    if state is None:
        candidates = _state_directories(cwd or Path.cwd(), prefix)
        state = next((d for d in candidates if d.is_dir()), None)
    if state is None:
        return RunPaths().operator_socket
    return RunPaths(state.absolute() / "run").operator_socket
