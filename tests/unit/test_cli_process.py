"""The program as a process: what a shell and a person at a keyboard see of it."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hive_cli.commands.send import await_reply
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.messages import (
    AwaitReplyReply,
    AwaitReplyRequest,
    OperatorSendReply,
    OperatorSendRequest,
)
from hive_rpc.server import Server
from tests.support.manual_clock import ManualClock
from tests.unit.test_cli_commands import REPLY

ROOT = Path(__file__).parents[2]
HIVE = [sys.executable, "-c", "from hive_cli.main import main; main()"]


def test_asking_for_help_loads_neither_the_terminal_library_nor_the_wire_models_of_a_command() -> None:
    code = "import sys, hive_cli.main; print(sorted(m for m in sys.modules if m.split('.')[0] in ('rich', 'pydantic')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Silent(Operator):
    """Takes a message and never has a reply to it."""

    def __init__(self) -> None:
        self.awaited = asyncio.Event()

    async def send(self, request: OperatorSendRequest) -> OperatorSendReply:
        return OperatorSendReply(id="msg_1")

    async def await_reply(self, request: AwaitReplyRequest) -> AwaitReplyReply:
        self.awaited.set()
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "operator.sock"


async def test_ctrl_c_while_waiting_ends_at_once_without_a_traceback(socket: Path) -> None:
    core = Silent()
    server = Server(lambda peer: [core])
    await server.listen(socket)
    process = await asyncio.create_subprocess_exec(
        *HIVE,
        *("send", "worker", "hello", "--wait", "--state", str(socket.parents[1])),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    await core.awaited.wait()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    await server.close()
    assert process.returncode == 130
    assert out == b""
    assert b"msg_1" in err
    assert b"Traceback" not in err


async def test_waiting_survives_a_restart_of_core(socket: Path) -> None:
    class Restarted(Silent):
        async def await_reply(self, request: AwaitReplyRequest) -> AwaitReplyReply:
            return AwaitReplyReply(reply=REPLY)

    clock = ManualClock()
    before = Silent()
    first = Server(lambda peer: [before])
    await first.listen(socket)
    waiting = asyncio.create_task(await_reply(socket, "msg_1", 60, clock))
    await before.awaited.wait()
    await first.close()
    second = Server(lambda peer: [Restarted()])
    await second.listen(socket)
    while not waiting.done():
        await clock.advance(1)
        await asyncio.sleep(0)
    await second.close()
    assert (await waiting).reply == REPLY


async def test_waiting_for_a_core_that_stays_away_ends_at_the_time_limit(socket: Path) -> None:
    clock = ManualClock()
    waiting = asyncio.create_task(await_reply(socket, "msg_1", 60, clock))
    while not waiting.done():
        await clock.advance(1)
    with pytest.raises(UnavailableError):
        await waiting
    assert clock.monotonic() >= 60
