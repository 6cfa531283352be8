"""A runner without SDK and CLI: a process that does what the prompt or the message in it says, however bad.

`say X`, `send X` (to the operator), `die`, `exit`, `hang` (until interrupted), `deaf` (for ever), `child` (leaves a
process behind and says its id), `pid`, `descriptors`, `forge` (speaks as if for another turn first).
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hive_rpc.client import connect
from hive_rpc.interfaces.runner import (
    InstructionKind,
    Runner,
    RunnerEventsRequest,
    ToolSendRequest,
    TurnFinishedRequest,
    TurnInstruction,
)
from hive_rpc.types import Empty, Event, EventKind


async def main(socket: Path) -> None:
    async with connect(socket) as commands, connect(socket) as calls:
        harness = calls.proxy(Runner)
        interrupted = asyncio.Event()
        turns = []
        async for instruction in commands.proxy(Runner).instructions(Empty()):
            if instruction.kind is InstructionKind.END:
                return
            if instruction.kind is InstructionKind.INTERRUPT:
                interrupted.set()
            if instruction.turn is not None:
                turns.append(asyncio.create_task(run(harness, instruction.turn, interrupted)))


async def run(harness: Runner, turn: TurnInstruction, interrupted: asyncio.Event) -> None:
    async def tell(kind: EventKind, text: str) -> None:
        event = Event(kind=kind, at=datetime.now(UTC), turn_id=turn.turn_id, text=text)
        await harness.events(RunnerEventsRequest(events=[event]))

    message = re.search(r"<message [^>]*>\n(.*)\n</message>", turn.prompt, re.DOTALL)
    verb, _, words = (message[1] if message else turn.prompt).partition(" ")
    said = words
    await tell(EventKind.NOTICE, "begun")
    match verb:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "hang":
            await interrupted.wait()
        case "deaf":
            await asyncio.Event().wait()
        case "send":
            said = (await harness.send(ToolSendRequest(to="operator", body=words))).id
        case "child":
            said = str(subprocess.Popen(["sleep", "1000"]).pid)
        case "pid":
            said = str(os.getpid())
        case "descriptors":
            links = [Path(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
            said = " ".join(str(link.readlink()) for link in links if link.is_symlink())
        case "environment":
            said = " ".join(sorted(os.environ))
        case "forge":
            await harness.turn_finished(TurnFinishedRequest(turn_id="another", final_text="forged"))
    await tell(EventKind.TEXT, said)
    result = {"type": "result", "subtype": "success", "is_error": False}
    await harness.turn_finished(TurnFinishedRequest(turn_id=turn.turn_id, lines=[result], final_text=said))


asyncio.run(main(Path(sys.argv[1])))
