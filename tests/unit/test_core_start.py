"""A core that cannot start says in one sentence what is wrong and what to do."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

CORE = """
import sys
from pathlib import Path
from hive_core.daemon import main
main(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("version", "said", "remedy"),
    [
        (1, "older than can be carried over", "Begin with another state"),
        (9999, "written by a newer Hive", "Start the newer version again"),
    ],
)
def test_a_database_of_another_hive_stops_it_with_a_sentence(
    tmp_path: Path, version: int, said: str, remedy: str
) -> None:
    path = tmp_path / "lib" / "core" / "core.sqlite"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version:d}")
    connection.close()
    words = [sys.executable, "-c", CORE, str(tmp_path / "run"), str(tmp_path / "lib")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line
    assert remedy in line
