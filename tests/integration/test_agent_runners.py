"""The runner as a process of its own: kept warm, and dead at any moment without harm."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from hive_agent.harness.core import Core
from hive_agent.harness.endpoint import handlers
from hive_agent.harness.inbox import Inbox
from hive_agent.harness.link import Link
from hive_agent.harness.permits import Permits
from hive_agent.harness.runners import Runners
from hive_agent.harness.surroundings import Surroundings
from hive_agent.harness.toolbox import Toolbox
from hive_base.clock import SystemClock
from hive_rpc.client import connect
from hive_rpc.errors import ForbiddenError
from hive_rpc.interfaces.agent import HelloRequest
from hive_rpc.interfaces.runner import LaunchInstruction, Runner, TurnFinishedRequest, TurnInstruction
from hive_rpc.server import Server
from hive_rpc.types import Empty, Event

FAKE = Path(__file__).parents[1] / "support" / "fake_runner.py"


class Harness:
    """Runners and the socket that they dial."""

    def __init__(self, directory: Path, inherit: Sequence[int] = ()) -> None:
        self.socket = directory / "runner.sock"
        surroundings = Surroundings(
            directory / "core.sock", directory / "gateway.sock", self.socket, runner_command=(sys.executable, str(FAKE))
        )
        clock = SystemClock()
        link = Link(directory / "core.sock", HelloRequest(instance="i"), clock=clock)
        self.runners = Runners(surroundings, clock, inherit=inherit)
        core = Core(calls=link, polls=link, events=link, control=link)
        toolbox = Toolbox(core, Inbox(core, clock), Permits(core, clock, lambda what: None))
        self.server = Server(partial(handlers, self.runners, toolbox))
        self.events: list[Event] = []
        self.begun = asyncio.Event()

    def hear(self, events: Sequence[Event]) -> None:
        self.events += events
        self.begun.set()

    async def turn(self, prompt: str, *, model: str = "sonnet") -> TurnFinishedRequest:
        self.begun.clear()
        launch = LaunchInstruction(session="s", resume=False, model=model, directory="/", environment={})
        return await self.runners.turn(
            launch,
            TurnInstruction(turn_id="turn_1", prompt=prompt),
            keep_warm_seconds=60,
            on_events=self.hear,
        )


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    harness = Harness(tmp_path)
    await harness.server.listen(harness.socket)
    yield harness
    await harness.runners.kill()
    await harness.server.close()


async def test_a_turn_brings_its_events_and_its_evidence(harness: Harness) -> None:
    evidence = await harness.turn("say hello")
    assert evidence.final_text == "hello"
    assert [event.text for event in harness.events] == ["begun", "hello"]


async def test_the_next_turn_finds_the_same_process_warm(harness: Harness) -> None:
    first = await harness.turn("pid")
    assert harness.runners.warm_seconds() is not None
    assert (await harness.turn("pid")).final_text == first.final_text


async def test_another_way_to_launch_is_another_process_and_the_first_is_gone(harness: Harness) -> None:
    first = int((await harness.turn("pid")).final_text)
    second = int((await harness.turn("pid", model="opus")).final_text)
    assert first != second
    assert not _lives(first)


@pytest.mark.parametrize(("prompt", "how"), [("die", "killed by signal 9"), ("exit", "exit code 3")])
async def test_a_runner_that_dies_in_a_turn_is_evidence_and_the_next_turn_has_a_new_one(
    harness: Harness, prompt: str, how: str
) -> None:
    evidence = await harness.turn(prompt)
    assert how in (evidence.error or "")
    assert evidence.lines == []
    assert (await harness.turn("say hello")).final_text == "hello"


async def test_a_runner_that_died_while_idle_is_replaced(harness: Harness) -> None:
    first = int((await harness.turn("pid")).final_text)
    os.kill(first, signal.SIGKILL)
    process = harness.runners.process(first)
    assert process is not None
    await process.died()
    assert (await harness.turn("say hello")).final_text == "hello"


async def test_an_interrupt_reaches_the_turn_that_runs(harness: Harness) -> None:
    turn = asyncio.create_task(harness.turn("hang on"))
    await asyncio.sleep(0)
    await harness.begun.wait()
    harness.runners.interrupt()
    assert (await turn).final_text == "on"


async def test_a_kill_ends_the_turn_and_what_it_started(harness: Harness) -> None:
    child = int((await harness.turn("child")).final_text)
    assert _lives(child)
    turn = asyncio.create_task(harness.turn("deaf"))
    await asyncio.sleep(0)
    await harness.begun.wait()
    await harness.runners.kill()
    assert "signal 9" in ((await turn).error or "")
    assert not _lives(child)


async def test_evidence_of_another_turn_is_not_taken(harness: Harness) -> None:
    assert (await harness.turn("forge the truth")).final_text == "the truth"


async def test_only_the_present_runner_is_listened_to(harness: Harness) -> None:
    await harness.turn("say hello")
    async with connect(harness.socket) as stranger:
        with pytest.raises(ForbiddenError):
            await stranger.proxy(Runner).who_am_i(Empty())


async def test_a_runner_gets_nothing_of_the_harness_environment(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    names = (await harness.turn("environment")).final_text.split()
    assert set(names) <= {"PATH", "LANG", "JOURNAL_STREAM", "LC_CTYPE"}


async def test_a_runner_holds_what_it_is_to_inherit_and_no_other_file_of_the_harness(tmp_path: Path) -> None:
    lock, secret = tmp_path / "lock", tmp_path / "secret"
    with lock.open("w") as inherited, secret.open("w"):
        harness = Harness(tmp_path, inherit=[inherited.fileno()])
        await harness.server.listen(harness.socket)
        held = (await harness.turn("descriptors")).final_text
        await harness.runners.kill()
        await harness.server.close()
    assert str(lock) in held
    assert str(secret) not in held


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
