"""Every way in which the model or the CLI fails, with the real CLI: the message is not lost, and people see why."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hive_agent.harness.cgroups import ROOT, Cgroup
from hive_agent.harness.conversation import transcript
from hive_base.ids import new_id
from hive_rpc.commands import Effort
from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.types import AgentState, EventKind, TurnOutcome
from tests.support.agent_chain import Chain, chained, open_directory


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with open_directory(tmp_path_factory.mktemp("x").name) as root:
        yield root


@pytest.fixture
async def chain(root: Path) -> AsyncIterator[Chain]:
    async with chained(root) as chain:
        # What is given back waits in core, to be looked at.
        chain.core.redeliver = True
        yield chain


@dataclass(frozen=True)
class Failure:
    """What is asked of the model, and what follows."""

    asked: str
    outcome: TurnOutcome
    reason: str
    """How the state that people see begins."""
    least: float
    most: float
    """Seconds for which nothing is tried."""
    subscription: bool = False


FAILURES = {
    "limit with a reset": Failure(
        "[[stand-in: unified-limit resets_in=3600]] say x",
        TurnOutcome.RATE_LIMITED,
        "rate limit (You've hit your",
        3500,
        3640,
        subscription=True,
    ),
    "limit without a reset": Failure(
        "[[stand-in: error 429 retry-after=61]] say x", TurnOutcome.RATE_LIMITED, "rate limit (", 40, 60
    ),
    "529": Failure("[[stand-in: error 529]] say x", TurnOutcome.OVERLOADED, "the model is overloaded (", 3, 5),
    "500": Failure("[[stand-in: error 500]] say x", TurnOutcome.OVERLOADED, "the model is overloaded (", 3, 5),
    "401": Failure("[[stand-in: error 401]] say x", TurnOutcome.AUTH_FAILED, "the login was refused (", 3, 5),
    "403": Failure("[[stand-in: error 403]] say x", TurnOutcome.AUTH_FAILED, "the login was refused (", 3, 5),
    "dropped": Failure(
        "[[stand-in: drop-mid-stream]] say x", TurnOutcome.NETWORK, "the model is not reachable (", 3, 5
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=list(FAILURES))
async def test_a_failure_parks_with_its_evidence_and_costs_no_attempt(chain: Chain, failure: Failure) -> None:
    core = chain.core
    core.configure(subscription=failure.subscription)
    message = core.deliver(failure.asked)
    await core.until(lambda: core.state is AgentState.PARKED)
    now = datetime.now(UTC)
    told = core.states[-1]
    assert (told.reason or "").startswith(failure.reason)
    assert told.until is not None
    assert timedelta(seconds=failure.least) <= told.until - now <= timedelta(seconds=failure.most)
    await core.until(lambda: core.turns())
    (turn,) = core.turns()
    assert (turn.outcome, turn.attempts, turn.messages) == (failure.outcome, 0, [message.id])
    assert turn.error
    assert [(left.id, left.attempts, left.redelivered) for left in core.waiting] == [(message.id, 0, True)]
    assert core.acked == []
    assert core.sent == []


@pytest.mark.parametrize("status", [401, 403])
async def test_a_login_that_is_refused_twice_waits_for_a_person_who_is_told(chain: Chain, status: int) -> None:
    core = chain.core
    message = core.deliver(f"[[stand-in: error {status}]] say x")
    await core.until(lambda: core.state is AgentState.NEEDS_LOGIN)
    await core.until(lambda: core.sent)
    assert [sent.to for sent in core.sent] == ["operator"]
    assert [(left.id, left.attempts) for left in core.waiting] == [(message.id, 0)]
    assert core.states[-1].until is None


async def test_a_storm_that_passes_is_waited_out_and_the_message_is_done(chain: Chain) -> None:
    core = chain.core
    message = core.deliver("[[stand-in: error 529 times=3]] say done")
    await core.until(lambda: core.acked == [message.id] and len(core.turns()) == 2)
    assert [turn.outcome for turn in core.turns()] == [TurnOutcome.OVERLOADED, TurnOutcome.OK]
    assert "done" in core.sent[-1].body


async def test_a_conversation_that_is_too_long_is_compacted_by_the_cli_and_the_message_is_done(chain: Chain) -> None:
    core = chain.core
    for words in ("say one", "say two"):
        core.deliver(words)
    await core.until(lambda: len(core.acked) == 2)
    message = core.deliver("[[stand-in: overflow times=1]] say three")
    await core.until(lambda: core.acked[-1:] == [message.id] and len(core.turns()) >= 5)
    turns = core.turns()
    assert [(turn.wake_reason, turn.outcome) for turn in turns[2:5]] == [
        ("message", TurnOutcome.CONTEXT_OVERFLOW),
        ("compact", TurnOutcome.OK),
        ("message", TurnOutcome.OK),
    ]
    assert len({turn.session for turn in turns}) == 1
    assert "three" in core.sent[-1].body
    assert any("compacted" in text for text in core.texts(EventKind.NOTICE))


async def test_an_operator_compacts_and_begins_anew(chain: Chain) -> None:
    core = chain.core
    for words in ("say one", "say two"):
        core.deliver(words)
    await core.until(lambda: len(core.acked) == 2)
    core.command(CommandKind.COMPACT, asked="command_1")
    await core.until(lambda: len(core.ended) == 1)
    core.command(CommandKind.NEW_SESSION, asked="command_2")
    await core.until(lambda: len(core.ended) == 2)
    assert [ended.refused for ended in core.ended] == [None, None]
    core.configure(effort=Effort.LOW)
    core.deliver("say three")
    await core.until(lambda: len(core.acked) == 3 and len(core.turns()) == 4)
    sessions = [turn.session for turn in core.turns()]
    assert sessions[0] == sessions[2] != sessions[3]


async def test_a_silent_stream_is_a_network_that_failed(chain: Chain) -> None:
    core = chain.core
    core.configure(silence_limit_seconds=2)
    message = core.deliver("[[stand-in: silent]] say x")
    await core.until(lambda: core.state is AgentState.PARKED and core.turns())
    assert core.turns()[0].outcome is TurnOutcome.NETWORK
    assert "nothing was heard of it for 2 s" in (core.states[-1].reason or "")
    assert [(left.id, left.attempts) for left in core.waiting] == [(message.id, 0)]


async def test_a_gateway_that_is_not_there_is_a_network_that_failed(root: Path) -> None:
    async with chained(root, model=False) as chain:
        core = chain.core
        message = core.deliver("say x")
        await core.until(lambda: core.state is AgentState.PARKED and core.turns())
        assert core.turns()[0].outcome in {TurnOutcome.NETWORK, TurnOutcome.OVERLOADED}
        assert [(left.id, left.attempts) for left in core.waiting] == [(message.id, 0)]


async def test_a_killed_cli_is_an_attempt_and_the_message_comes_again_marked(chain: Chain) -> None:
    core = chain.core
    message = core.deliver("run `kill -9 $PPID`")
    await core.until(lambda: core.state is AgentState.PARKED and core.turns())
    assert core.turns()[0].outcome is TurnOutcome.CRASHED
    assert [(left.id, left.attempts, left.redelivered) for left in core.waiting] == [(message.id, 1, True)]
    assert "exit code -9" in (core.states[-1].reason or "")


async def test_a_garbage_transcript_loses_the_conversation_and_no_message(chain: Chain) -> None:
    core = chain.core
    core.configure(keep_warm_seconds=0)
    core.deliver("say one")
    await core.until(lambda: core.turns())
    session = core.turns()[0].session
    assert session is not None
    transcript(chain.home.claude, chain.home.state, session).write_text("garbage\n\x00 and more\n")
    message = core.deliver("say two")
    await core.until(lambda: core.acked[-1:] == [message.id])
    assert "two" in core.sent[-1].body


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
async def test_a_full_disk_under_the_clis_files_loses_no_message(root: Path) -> None:
    claude = root / "claude"
    claude.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=0777", "tmpfs", str(claude)], check=True)
    try:
        async with chained(root) as chain:
            core = chain.core
            for words in ("say one", "say two"):
                message = core.deliver(words)
                await core.until(lambda message=message: message.id in core.acked)
            await core.until(lambda: len(core.turns()) == 2)
            assert ["one" in core.sent[0].body, "two" in core.sent[1].body] == [True, True]
            assert {turn.outcome for turn in core.turns()} == {TurnOutcome.OK}
    finally:
        subprocess.run(["umount", "-l", str(claude)], check=True)


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    """A cgroup of version 2, beside the ones of this machine."""
    top = next((path for path in (ROOT / "unified", ROOT) if (path / "cgroup.controllers").exists()), None)
    if top is None or os.getuid() != 0:
        pytest.skip("cgroups need root")
    path = top / new_id("hive-test")
    path.mkdir()
    yield Cgroup(path)
    (path / "cgroup.kill").write_text("1")
    while (path / "cgroup.procs").read_text():
        pass
    path.rmdir()


async def test_a_cancel_leaves_no_child_alive_and_keeps_the_conversation_warm(root: Path, cgroup: Cgroup) -> None:
    async with chained(root, cgroup=cgroup) as chain:
        core = chain.core
        core.deliver("say one")
        await core.until(lambda: core.turns())
        (cli,) = cgroup.processes()
        core.deliver("run `setsid -f sleep 1001; setsid -f sleep 1002; sleep 1003`")
        async with asyncio.timeout(30):
            # The kernel tells nobody of a new process in a cgroup.
            while len(cgroup.processes()) < 4:
                await asyncio.sleep(0.02)
        core.command(CommandKind.CANCEL, asked="command_1")
        await core.until(lambda: len(core.turns()) == 2)
        assert core.turns()[1].outcome is TurnOutcome.INTERRUPTED
        await core.until(lambda: core.state is AgentState.IDLE)
        assert cgroup.processes() == [cli]
        core.deliver("say three")
        await core.until(lambda: len(core.turns()) == 3)
        assert core.turns()[2].outcome is TurnOutcome.OK
        assert cgroup.processes() == [cli]
        assert [ended.refused for ended in core.ended] == [None]


def _sleepers(cgroup: Cgroup) -> set[bytes]:
    """What the `sleep`s in it were given."""
    found = set()
    for pid in cgroup.processes():
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if command[0] == b"sleep":
                found.add(command[1])
    return found


async def test_a_cli_that_does_not_obey_is_killed_with_all_that_it_left_behind(root: Path, cgroup: Cgroup) -> None:
    async with chained(root, cgroup=cgroup) as chain:
        core = chain.core
        # One in a session of its own, one forked twice; both outlive the shell. Last, the CLI is made deaf.
        core.deliver(
            "run `setsid -f sleep 1001; (setsid sh -c 'sleep 1002 & sleep 1003' &); kill -STOP $PPID; sleep 1004`"
        )
        async with asyncio.timeout(30):
            while _sleepers(cgroup) != {b"1001", b"1002", b"1003", b"1004"}:
                await asyncio.sleep(0.02)
        core.command(CommandKind.CANCEL, asked="command_1")
        await core.until(lambda: core.turns())
        assert cgroup.processes() == []
        assert core.turns()[0].outcome is TurnOutcome.INTERRUPTED
        core.deliver("say two")
        await core.until(lambda: len(core.turns()) == 2)
        assert core.turns()[1].outcome is TurnOutcome.OK
        assert len(cgroup.processes()) == 1
