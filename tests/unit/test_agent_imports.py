"""The collector rests while the runner imports, and only then; what it never uses is not imported at all."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hive_agent.runner import imports
from hive_agent.runner.imports import lasting


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_nothing_is_collected_during_the_imports_and_what_they_made_is_left_alone_afterwards() -> None:
    frozen = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        made = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


def test_collection_goes_on_after_an_import_that_failed() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError
    assert gc.isenabled()


def test_the_runner_holds_nothing_of_the_mcp_library_that_it_never_uses() -> None:
    script = (
        "import sys\n"
        "from hive_agent.absent import Absent\n"
        "from hive_agent.runner import imports\n"
        "{}"
        "from hive_agent import tools\n"
        "from hive_agent.runner import session\n"
        "print(*(name for name, module in sys.modules.items() if not isinstance(module, Absent)))"
    )

    def loaded(first: str) -> set[str]:
        command = [sys.executable, "-c", script.format(first)]
        return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())

    unused = {"mcp.client.session", "mcp.client.streamable_http", "mcp.server.mcpserver", "mcp.server.mcpserver.server"}
    spared = loaded("imports.spare()\n")
    assert "mcp.server.lowlevel" in spared
    assert unused & spared == set()
    assert not set(imports.UNUSED) & spared
    assert unused < loaded(""), "control"
