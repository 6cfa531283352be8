"""The dashboard as systemd runs it."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.hive_host import free_port
from tests.support.systemd import Systemd


async def test_it_says_when_it_is_ready_feeds_the_watchdog_and_ends_when_asked(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    config = tmp_path / "web.toml"
    config.write_text(f'host = "127.0.0.1"\nport = {free_port()}\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hive_web", config),
        env={"PYTHONPATH": str(Path.cwd()), "NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "100000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        await systemd.told("READY=1")
        await systemd.told("WATCHDOG=1")
        await systemd.told("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
    finally:
        systemd.close()
        if process.returncode is None:
            process.kill()
            await process.wait()
