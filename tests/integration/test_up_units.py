"""systemd's own opinion of the units."""

import re
import subprocess
from pathlib import Path

import pytest

from hive_cli.up.host import HostConfig, skeleton

UNITS = Path("hive_cli/up/units")


EXPOSURE = {"hive-web": 0.9, "hive-gateway": 1.1, "hive-login@": 1.2, "hive-core": 1.5}
"""The figures of docs/security.md: what systemd-analyze(1) counts, from 0.0 (nothing left to take away) to 10.0."""


@pytest.mark.parametrize("unit", sorted(path.stem for path in UNITS.glob("*.service")))
def test_a_unit_is_exposed_to_no_more_than_is_explained(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager"]
    said = subprocess.run([*command, UNITS / f"{unit}.service"], capture_output=True, text=True).stdout
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", said)
    assert found is not None, said[-300:]
    assert float(found[1]) == EXPOSURE[unit]
    assert f"{unit} {EXPOSURE[unit]}" in Path("docs/security.md").read_text()


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_no_memory_of_a_unit_with_secrets_is_dumped(unit: str) -> None:
    """Into a file or for a program of the machine's, as its kernel.core_pattern says."""
    assert "LimitCORE=0" in (UNITS / unit).read_text().splitlines()


def test_what_faces_a_network_has_next_to_nothing() -> None:
    assert all(EXPOSURE[unit] <= 1.5 for unit in ("hive-web", "hive-gateway", "hive-login@"))


def test_the_measure_tells_a_bare_unit_from_a_hardened_one(tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", bare]
    assert subprocess.run(command, capture_output=True).returncode != 0


def verify(root: Path, *units: str) -> list[str]:
    """What systemd-analyze(1) has to say about units of this tree."""
    command = ["systemd-analyze", "verify", f"--root={root}", "--man=no", "--recursive-errors=no", "--generators=no"]
    said = subprocess.run([*command, *units], capture_output=True, text=True).stderr.splitlines()
    # Units of systemd itself are not in this tree.
    return [line for line in said if "not found" not in line and "Failed to load" not in line]


def test_systemd_understands_every_line_of_every_unit(tmp_path: Path) -> None:
    root = tmp_path / "root"
    skeleton(HostConfig(port=4483)).build(root)
    # Programs are looked up in the tree too.
    for program in ("opt/hive/bin/python3", "usr/bin/systemd-nspawn", "usr/bin/busctl"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).touch(mode=0o755)
    units = ("hive-core.service", "hive-web.service", "hive-gateway.service", "var-lib-hive.mount")
    assert verify(root, *units, "container@h-worker.service") == []
    with (root / "etc/systemd/system/hive-web.service").open("a") as unit:
        unit.write("ProtectEverything=yes\n")
    assert any("ProtectEverything" in line for line in verify(root, *units)), "and says so where it does not"
