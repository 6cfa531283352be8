"""What the doctor says of a file system is what the kernel does with it."""

import sys
from pathlib import Path

import pytest

from hive_core.doctor import id_mapping
from tests.support.hive_host import Host

OVERLAY = Path("/run/overlay")


async def test_a_file_system_that_cannot_be_id_mapped_is_found(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(words: list[str | Path], **_: object) -> object:
        return host._run(words, check=True, stdin=None, limit=60)

    monkeypatch.setattr(id_mapping, "run", run)
    monkeypatch.setattr(sys, "executable", "/opt/hive/bin/python3")
    host.run("mkdir", OVERLAY)
    host.run("mount", "-t", "overlay", "none", OVERLAY, "-o", "lowerdir=/usr:/etc")
    fine, overlay = await id_mapping.places_can_be_id_mapped([Path("/run/hive"), OVERLAY])()
    assert (fine.ok, fine.remedy) == (True, "")
    assert not overlay.ok
    assert str(OVERLAY) in overlay.name
    assert "ext4" in overlay.remedy
