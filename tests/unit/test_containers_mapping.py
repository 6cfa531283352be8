"""Whether a process has users of its own, as the kernel says it."""

from pathlib import Path

import pytest

from hive_core.containers.mapping import is_mapped


def process(proc: Path, uids: str, gids: str) -> None:
    (proc / "7").mkdir()
    (proc / "7/uid_map").write_text(uids)
    (proc / "7/gid_map").write_text(gids)


PICKED = "         0  364249088      65536\n"
ALL = "         0          0 4294967295\n"


@pytest.mark.parametrize(
    ("uids", "gids", "mapped"),
    [
        (PICKED, PICKED, True),
        (ALL, ALL, False),
        (PICKED, ALL, False),
        (ALL, PICKED, False),
        ("         0          0      65536\n", PICKED, False),
        (PICKED + "     65536       1000          1\n", PICKED, False),
        ("", "", False),
    ],
)
async def test_none_of_its_users_may_be_the_machine_s(tmp_path: Path, uids: str, gids: str, mapped: bool) -> None:
    process(tmp_path, uids, gids)
    assert await is_mapped(7, tmp_path) is mapped


async def test_a_process_that_is_gone_has_none(tmp_path: Path) -> None:
    assert not await is_mapped(7, tmp_path)
