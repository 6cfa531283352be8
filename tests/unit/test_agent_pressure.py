"""When memory is short, as the kernel says it."""

from pathlib import Path

import pytest

from hive_agent.harness.pressure import memory_is_short

CALM = "some avg10=0.00 avg60=30.00 avg300=2.00 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (CALM, False),
        (CALM.replace("some avg10=0.00", "some avg10=9.99"), False),
        (CALM.replace("some avg10=0.00", "some avg10=10.00"), True),
        ("", False),
        ("nonsense avg10=high", False),
    ],
)
def test_only_what_waited_for_memory_just_now_counts(tmp_path: Path, text: str, short: bool) -> None:
    file = tmp_path / "memory"
    file.write_text(text)
    assert memory_is_short([tmp_path / "missing", file]) is short


def test_the_machine_s_or_the_container_s_is_enough(tmp_path: Path) -> None:
    calm, short = tmp_path / "calm", tmp_path / "short"
    calm.write_text(CALM)
    short.write_text(CALM.replace("avg10=0.00", "avg10=50.00"))
    assert memory_is_short([calm, short])
    assert not memory_is_short([calm])
