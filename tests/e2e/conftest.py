"""One whole hive for all end-to-end tests: what `hive up` makes, with the stand-in model behind the gateway."""

import json
import os
from collections.abc import Iterator

import pytest

from hive_cli.up.state import State
from tests.support.hive_host import Hive, free_port, hive_command


@pytest.fixture(scope="session")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    state = State(tmp_path_factory.mktemp("hive") / "state")
    port = free_port()
    where = ("--state", str(state.root))
    started = json.loads(hive_command("up", *where, "--port", str(port), "--json").stdout)
    try:
        yield Hive(state=state, port=port, sign_in=started["sign_in"])
    finally:
        hive_command("down", *where)
