"""Real systemd, real containers: a hive host for tests that need one, without waiting for the daemons on it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_cli.up.launch import launch
from hive_cli.up.protocol import LaunchRequest
from hive_cli.up.state import State
from hive_cli.up.stop import stop
from tests.support.hive_host import Host, free_port


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("containers need root")


@pytest.fixture
async def state(as_root: None, tmp_path: Path) -> AsyncIterator[State]:
    """A state directory; whatever a test starts in it is stopped."""
    state = State(tmp_path / "hive")
    yield state
    await stop(state)


@pytest.fixture
def request_for(state: State) -> LaunchRequest:
    return LaunchRequest(state=state.root, port=free_port())


@pytest.fixture
async def host(state: State, request_for: LaunchRequest) -> Host:
    """A hive host that has booted. Its daemons are started by then, or have failed."""
    assert await launch(request_for)
    return Host(state)
