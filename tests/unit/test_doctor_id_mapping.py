import asyncio
from pathlib import Path

import pytest

from hive_base.process import Completed, ProcessError
from hive_core.doctor import id_mapping


async def test_however_often_it_is_asked_for_it_is_tried_until_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0

    async def run(words: list[str | Path], **_: object) -> Completed:
        nonlocal tried
        tried += 1
        assert "--property=RuntimeMaxSec=30" in words
        await asyncio.sleep(0)
        if tried == 1:
            raise ProcessError("systemd-run did not end within 30 s")
        return Completed([], 0, b"/there\n", "")

    monkeypatch.setattr(id_mapping, "run", run)
    examine = id_mapping.places_can_be_id_mapped([Path("/here"), Path("/there")])
    with pytest.raises(ProcessError):
        await examine()
    for found in await asyncio.gather(*(examine() for _ in range(5))):
        assert [check.ok for check in found] == [True, False]
    assert tried == 2
