"""A disk that is full or broken: a clear error, no partial write, and everything works again without a restart.

Run as a program, this file is a broker that sends one batch of messages for each line on its stdin.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive_base.clock import SystemClock
from hive_base.process import run
from hive_core.broker import Broker, Policy
from hive_core.rates import Rate
from hive_core.store import Database
from hive_rpc.errors import StorageError

SHIM = Path(__file__).parents[1] / "support" / "faults.c"
BATCH = 8


async def victim(path: Path) -> None:
    """For each batch one line of JSON: the ids of what was sent, and the sentences of what was refused."""
    loop = asyncio.get_running_loop()
    async with Database(path, "core") as database:
        policy = Policy(send_rate=Rate(1e9, 1e9), max_unread=None)
        broker = Broker(database, SystemClock(), lambda: ("a", "b"), policy=policy)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            sends = [broker.send("a", "b", f"{line.strip()}/{n} {'x' * 2000}") for n in range(BATCH)]
            outcomes = await asyncio.gather(*sends, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException) and not isinstance(outcome, StorageError):
                    raise outcome
            sent = [o for o in outcomes if isinstance(o, str)]
            refused = [o.sentence() for o in outcomes if isinstance(o, StorageError)]
            print(json.dumps({"sent": sent, "refused": refused}), flush=True)


@dataclass
class Victim:
    process: asyncio.subprocess.Process
    fault: Path
    database: Path

    async def send(self, name: str, fault: str = "") -> tuple[list[str], list[str]]:
        """Ids of what was sent, and what was said of the others."""
        self.fault.write_text(fault)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{name}\n".encode())
        answer = json.loads(await self.process.stdout.readline())
        self.fault.write_text("")
        return answer["sent"], answer["refused"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    asyncio.run(run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"]))
    return library


@pytest.fixture
async def broker(shim: Path, tmp_path: Path) -> AsyncIterator[Victim]:
    fault = tmp_path / "fault"
    fault.touch()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        str(tmp_path / "core.sqlite"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "LD_PRELOAD": str(shim),
            "FAULT_FILE": str(fault),
        },
    )
    yield Victim(process, fault, tmp_path / "core.sqlite")
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("fault", "said"),
    [("full", "The disk is full"), ("write", "The disk reported an error"), ("sync", "The disk reported an error")],
)
async def test_a_fault_is_said_leaves_nothing_behind_and_passes(broker: Victim, fault: str, said: str) -> None:
    before, refused = await broker.send("before")
    assert (len(before), refused) == (BATCH, []), "without a fault everything is stored"
    hurt = await broker.send("during", fault)
    again = await broker.send("still", fault)
    after, refused_after = await broker.send("after")

    assert (hurt[0], again[0]) == ([], [])
    assert {sentence[: len(said)] for sentence in hurt[1] + again[1]} == {said}
    assert len(hurt[1] + again[1]) == 2 * BATCH
    assert (len(after), refused_after) == (BATCH, [])

    broker.process.kill()
    await broker.process.wait()
    async with Database(broker.database, "core") as database:
        stored = await database.read(lambda c: [row["id"] for row in c.execute("SELECT id FROM messages ORDER BY seq")])
        sound = await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0])
    assert stored == before + after
    assert sound == "ok"


if __name__ == "__main__":
    asyncio.run(victim(Path(sys.argv[1])))
