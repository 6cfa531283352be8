"""The end of the notify socket that systemd holds, for processes that tests start as systemd would."""

import asyncio
import socket
from pathlib import Path


class Systemd:
    """Hears what the process says with sd_notify(3)."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)

    async def told(self, assignment: str) -> None:
        loop = asyncio.get_running_loop()
        while assignment not in (await loop.sock_recv(self._socket, 4096)).decode():
            pass

    def close(self) -> None:
        self._socket.close()
