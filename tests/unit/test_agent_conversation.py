"""One conversation per agent, held by one process."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from hive_agent.harness.conversation import Conversation, hold, transcript
from hive_rpc.errors import ConflictError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("harness", "claude", "state"):
        (tmp_path / name).mkdir()
    return tmp_path


def held(directory: Path) -> Conversation:
    return hold(directory / "harness", claude=directory / "claude", directory=directory / "state")


def test_the_id_is_kept_over_restarts_and_is_a_uuid(directory: Path) -> None:
    first = held(directory)
    session = first.session
    first.release()
    assert held(directory).session == session == str(uuid.UUID(session))


def test_a_second_process_cannot_have_it_while_the_first_lives(directory: Path) -> None:
    first = held(directory)
    with pytest.raises(ConflictError, match="Another process holds"):
        held(directory)
    first.release()
    held(directory).release()


def test_a_runner_that_outlives_its_harness_keeps_the_next_harness_out(directory: Path) -> None:
    first = held(directory)
    runner = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[first.lock], text=True
    )
    first.release()
    with pytest.raises(ConflictError):
        held(directory)
    runner.communicate("go\n")
    held(directory).release()


def test_it_is_resumed_when_the_cli_has_its_transcript(directory: Path) -> None:
    conversation = held(directory)
    assert not conversation.has_transcript
    assert conversation.fresh_because == "there was none before"
    file = transcript(directory / "claude", directory / "state", conversation.session)
    file.parent.mkdir(parents=True)
    file.touch()
    assert conversation.has_transcript
    assert conversation.fresh_because == ""


def test_a_transcript_that_has_vanished_is_a_beginning_again(directory: Path) -> None:
    held(directory).release()
    assert held(directory).fresh_because == "the earlier one is gone"


def test_a_new_beginning_has_a_new_id_and_its_reason(directory: Path) -> None:
    conversation = held(directory)
    before = conversation.session
    conversation.begin("an operator wished it")
    assert conversation.session != before
    assert conversation.fresh_because == "an operator wished it"
    assert json.loads((directory / "harness/conversation.json").read_text()) == {"session": conversation.session}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"session": "../../etc/passwd"}', '{"session": 5}', "{}"])
def test_a_damaged_file_is_a_new_conversation_and_no_crash(directory: Path, content: str) -> None:
    (directory / "harness/conversation.json").write_text(content)
    assert uuid.UUID(held(directory).session)


def test_the_transcripts_place_is_the_one_that_the_cli_uses() -> None:
    place = transcript(Path("/agents/w-1/claude"), Path("/agents/w-1/state"), "id")
    assert place == Path("/agents/w-1/claude/projects/-agents-w-1-state/id.jsonl")
