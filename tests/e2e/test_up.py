"""`hive up` and `hive down`, as somebody at a shell sees them."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_base.process import BASE_ENVIRONMENT
from hive_cli.up.state import State
from tests.support.hive_host import HIVE, Hive, Host, free_port, hive_command


@pytest.fixture
def where(hive: Hive, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The options of a second hive, beside the one that runs; it is stopped after the test."""
    options = ("--state", str(tmp_path / "second"))
    yield options
    hive_command("down", *options)


@pytest.fixture(scope="module")
def second(hive: Hive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The options of a second hive that runs, and runs again after each test that stops it."""
    options = ("--state", str(tmp_path_factory.mktemp("second") / "state"))
    try:
        assert up(*options, "--port", str(free_port()))["started"]
        yield options
    finally:
        hive_command("down", *options)


def up(*options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hive_command("up", *options, "--json").stdout)
    return found


def trees(state: Path) -> list[str]:
    """Processes, cgroups and mounts of the hive in this state directory."""
    name = State(state).machine
    cgroups = [str(p) for p in Path("/sys/fs/cgroup").rglob(f"{name}*")]
    processes = subprocess.run(["pgrep", "--full", name], capture_output=True, text=True).stdout.split()
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(state) in line]
    return cgroups + processes + mounts


def test_a_second_up_says_that_it_runs_and_gives_a_link_that_signs_in(hive: Hive) -> None:
    again = up("--state", str(hive.state.root))
    assert not again["started"]
    assert again["dashboard"] == hive.url
    assert again["sign_in"] != hive.sign_in
    with urllib.request.urlopen(again["sign_in"]) as page:
        assert page.status == 200


def test_a_new_hive_has_a_manager_and_a_worker_that_have_had_their_first_turn(hive: Hive) -> None:
    agents = {agent["name"]: agent for agent in hive.status()["agents"]}
    assert {"manager", "worker"} <= agents.keys()
    assert agents["manager"]["capabilities"] == ["manager"]
    assert agents["manager"]["last_turn"]["outcome"] == "ok"


def test_a_hive_that_was_stopped_has_everything_at_the_next_start(second: tuple[str, ...]) -> None:
    hive_command("send", "worker", "what is 6*7?", "--wait", *second)
    hive_command("spawn", "scribe", *second)
    hive_command("destroy", "manager", "--yes", *second)
    assert json.loads(hive_command("down", *second, "--json").stdout)["stopped"]
    assert trees(Path(second[1])) == []
    again = up(*second, "--port", str(free_port()))
    assert again["started"]
    assert [agent["name"] for agent in again["agents"]] == ["scribe", "worker"], "and no manager is made again"
    assert "what is 6*7?" in hive_command("messages", "worker", *second).stdout
    assert json.loads(hive_command("send", "worker", "what is 7*7?", "--wait", "--json", *second).stdout)


def test_a_turn_that_runs_may_finish_before_the_hive_stops(second: tuple[str, ...]) -> None:
    host = Host(State(Path(second[1])))
    host.becomes("worker", "idle")
    hive_command("send", "worker", "wait 3 seconds and then say goodbye", *second)
    host.becomes("worker", "thinking")
    hive_command("down", *second)
    up(*second, "--port", str(free_port()))
    messages = json.loads(hive_command("messages", "worker", "--json", *second).stdout)["messages"]
    (reply,) = [m for m in messages if "goodbye" in m["body"] and m["sender"] == "worker"]
    (asked,) = [m for m in messages if m["id"] == reply["in_reply_to"]]
    assert not asked["redelivered"]


def test_a_down_where_nothing_runs_is_no_error(tmp_path: Path) -> None:
    done = hive_command("down", "--state", str(tmp_path / "nothing"))
    assert "No hive runs" in done.stdout
    assert not (tmp_path / "nothing").exists()


def test_a_taken_port_is_refused_and_leaves_nothing(hive: Hive, tmp_path: Path) -> None:
    done = hive_command("up", "--state", str(tmp_path / "other"), "--port", str(hive.port), check=False)
    assert done.returncode == 1
    assert (
        done.stderr == f"hive: Port {hive.port} on 127.0.0.1 is taken by another program. Choose another with --port.\n"
    )
    assert not (tmp_path / "other").exists()


def test_a_key_file_that_cannot_be_read_is_refused_and_leaves_nothing(hive: Hive, tmp_path: Path) -> None:
    options = ("--state", str(tmp_path / "other"), "--api-key-file", str(tmp_path / "missing"))
    done = hive_command("up", *options, check=False)
    assert done.returncode == 1
    assert "missing cannot be read: No such file or directory." in done.stderr
    assert not (tmp_path / "other").exists()


def test_who_is_not_root_is_told_so(hive: Hive) -> None:
    # Imported before: the directories above the checkout may be closed to others.
    code = "import os, hive_cli.main as m, hive_cli.up.command; os.setuid(65534); m.cli(['{}'], prog_name='hive')"
    for verb in ("up", "down"):
        done = subprocess.run(
            [HIVE.with_name("python"), "-c", code.format(verb)],
            capture_output=True,
            text=True,
            env=dict(BASE_ENVIRONMENT),
        )
        assert done.returncode == 1
        assert done.stderr == "hive: Only root can start or stop a hive. Run it again with sudo.\n"


def test_a_part_that_does_not_come_up_is_named_with_its_log_and_everything_is_stopped(where: tuple[str, ...]) -> None:
    state = Path(where[1])
    (state / "lib").mkdir(parents=True)
    (state / "lock").touch()
    (state / "lib" / "core").write_text("where core wants its directory")
    done = hive_command("up", *where, "--port", str(free_port()), check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "hive: hive-core.service ends again and again."
    assert "  | " in done.stderr
    assert "core" in done.stderr
    assert trees(state) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_up_that_is_interrupted_stops_what_it_started(where: tuple[str, ...], number: signal.Signals) -> None:
    state = Path(where[1])
    command = [str(HIVE), "up", *where, "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        while "making the first agents" not in process.stderr.readline():
            pass
        process.send_signal(number)
        process.communicate()
    assert process.returncode == 130
    assert trees(state) == []


def test_an_up_that_is_killed_is_finished_by_the_next_one(where: tuple[str, ...]) -> None:
    command = [str(HIVE), "up", *where, "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        while "making the first agents" not in process.stderr.readline():
            pass
        process.kill()
        process.communicate()
    again = up(*where)
    assert not again["started"], "the host was there already"
    assert {agent["name"] for agent in again["agents"]} == {"manager", "worker"}
