"""What nspawn says about its container."""

import asyncio
import socket
from pathlib import Path

from hive_cli.up.notify import Notice, listening, parse


def test_the_first_message_tells_who_is_pid_1_inside() -> None:
    assert parse(b"STATUS=Container running.\nX_NSPAWN_LEADER_PID=4711") == Notice(ready=False, leader=4711)


def test_ready_is_said_once_the_target_is_reached() -> None:
    assert parse(b"READY=1\nSTATUS=Startup finished.") == Notice(ready=True, leader=None)
    assert parse(b"STATUS=Not READY=1 yet") == Notice(ready=False, leader=None)
    assert parse(b"\xff") == Notice(ready=False, leader=None)


async def test_more_messages_than_the_kernel_queues_never_block_the_sender(tmp_path: Path) -> None:
    heard: list[Notice] = []
    done = asyncio.Event()

    def hear(notice: Notice) -> None:
        heard.append(notice)
        if notice.ready:
            done.set()

    def send() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(tmp_path / "notify.sock"))
            for _ in range(200):
                sender.send(b"STATUS=A stop job is running")
            sender.send(b"READY=1")

    with listening(tmp_path / "notify.sock", hear):
        await asyncio.to_thread(send)
        await done.wait()
    assert len(heard) == 201
    assert not (tmp_path / "notify.sock").exists()


async def test_a_socket_that_a_killed_launcher_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stale:
        stale.bind(str(path))
    with listening(path, lambda notice: None):
        assert path.is_socket()
