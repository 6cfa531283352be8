"""The gateway as systemd runs it: a process that says when it is ready, stops when asked, and keeps its secret."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hive_gateway.accounts.store import KEY_CREDENTIAL
from tests.support.gateway import KEY
from tests.support.systemd import Systemd

START = "import pathlib, sys; from hive_gateway.daemon import main; main(*map(pathlib.Path, sys.argv[1:]))"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path)
    yield systemd
    systemd.close()


@asynccontextmanager
async def started(directory: Path, environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START, directory / "run", directory / "lib"),
        env={"PYTHONPATH": str(Path.cwd()), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("key", ["", KEY], ids=["without a key", "with a key"])
async def test_it_says_when_it_is_ready_and_ends_when_asked(tmp_path: Path, systemd: Systemd, key: str) -> None:
    (tmp_path / KEY_CREDENTIAL).write_text(key)
    environment = {
        "NOTIFY_SOCKET": str(systemd.path),
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "WATCHDOG_USEC": "60000000",
    }
    async with started(tmp_path, environment) as process:
        await systemd.told("READY=1")
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()

    assert process.returncode == 0
    assert ("stand-in" in output.decode()) is not bool(key)
    assert KEY not in output.decode()


async def test_it_feeds_the_watchdog(tmp_path: Path, systemd: Systemd) -> None:
    async with started(tmp_path, {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "100000"}):
        await systemd.told("WATCHDOG=1")
        await systemd.told("WATCHDOG=1")


async def test_a_key_that_cannot_be_one_stops_it_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / KEY_CREDENTIAL).write_text("sk-ant and something")
    async with started(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) as process:
        output, _ = await process.communicate()

    assert process.returncode == 1
    assert output.decode().count("\n") == 1
    assert "sk-ant" not in output.decode()
