"""The dashboard as the process that systemd runs."""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.fake_core import FakeCore
from tests.support.hive_host import free_port
from tests.support.systemd import Systemd

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(directory: Path, config: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Systemd]]:
    path = directory / "web.toml"
    path.write_text(config)
    systemd = Systemd(directory)
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hive_web",
        str(path),
        cwd=ROOT,
        env={**os.environ, "NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "100000"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield running, systemd
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()
        systemd.close()


async def test_it_says_when_it_is_ready_feeds_the_watchdog_and_stops_at_once_though_pages_listen(
    tmp_path: Path,
) -> None:
    core = FakeCore()
    await core.start(tmp_path / "core.sock")
    port = free_port()
    config = f'port = {port}\ncore_socket = "{tmp_path / "core.sock"}"\n'
    async with process(tmp_path, config) as (running, systemd), aiohttp.ClientSession() as browser:
        await systemd.told("READY=1")
        cookies = {"Cookie": f"hive={core.sign_in()}", "Accept": "text/event-stream"}
        async with browser.get(f"http://127.0.0.1:{port}/events?after=0", headers=cookies) as stream:
            assert stream.status == 200
            await systemd.told("WATCHDOG=1")
            running.send_signal(signal.SIGTERM)
            await systemd.told("STOPPING=1")
            async with asyncio.timeout(10):
                assert await running.wait() == 0
    await core.stop()


async def test_it_serves_a_proxy_on_a_unix_socket_that_only_its_group_can_open(tmp_path: Path) -> None:
    core = FakeCore()
    await core.start(tmp_path / "core.sock")
    listening = tmp_path / "http.sock"
    config = (
        f'unix_socket = "{listening}"\ncore_socket = "{tmp_path / "core.sock"}"\n'
        'allowed_hosts = ["hive.example.org"]\nsecure = true\n'
    )
    async with process(tmp_path, config) as (_, systemd):
        await systemd.told("READY=1")
        assert stat.S_IMODE(listening.stat().st_mode) == 0o660
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(listening))) as proxy:
            headers = {"Origin": "https://hive.example.org", "X-Forwarded-For": "10.0.0.1, 203.0.113.9"}
            fields = {"name": "ada", "password": "x"}
            async with proxy.post("http://hive.example.org/sign-in", data=fields, headers=headers) as answer:
                assert answer.status == 401
    assert core.addresses == ["203.0.113.9"]
    await core.stop()


async def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with process(tmp_path, f"port = {taken.getsockname()[1]}\n") as (running, _):
            _, said = await running.communicate()
            assert running.returncode == 1
            assert said.decode().count("\n") == 1
            assert "Is its port or socket taken?" in said.decode()


async def test_a_wrong_configuration_is_one_clear_sentence(tmp_path: Path) -> None:
    async with process(tmp_path, "prot = 1\n") as (running, _):
        _, said = await running.communicate()
        assert running.returncode == 1
        assert "prot" in said.decode()
        assert said.decode().count("\n") == 1
